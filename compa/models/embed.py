"""`compa embed`: embeds a folder's sounds, or a manifest's clips and captions, into a file."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from tqdm import tqdm

from compa.audio.files import sound_files
from compa.data.quarantine import usable_clips
from compa.models.embedding_file import SUFFIXES, Chunk, Row, files_of, part_of, write_embeddings
from compa.utils.arguments import CommandParser, add_out_file, add_overwrite
from compa.utils.store import Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from compa.models.embedder import Embedder

CHUNK_ROWS = 256
"""Rows that are embedded and saved at a time: what a kill can cost."""


def main(arguments: Sequence[str]) -> int:
    """Runs `compa embed` with the arguments after it."""
    options = _parser().parse_args(arguments)
    check_out(options.source, options.out, options.overwrite)
    from compa.models.pretrained import load

    embed(load(options.model, pad=options.pad), options.source, options.out, options.model)
    return 0


def check_out(source: Path, out: Path, overwrite: bool) -> None:
    """Makes sure that embeddings of a source may be written into a file.

    Raises:
        ValueError: If the file's kind is unknown, or it would replace the source, or a file without `overwrite`.
    """
    if out.suffix not in SUFFIXES:
        raise ValueError(f"--out must end in one of {', '.join(SUFFIXES)}; got '{out}'")
    for path in files_of(out):
        if path.resolve() == source.resolve():
            raise ValueError(f"--out {out} would write {path} over the source: choose another name")
        if path.exists() and not overwrite and not (path != out and part_of(out).exists()):
            raise ValueError(f"{path} exists already: choose another --out, or give --overwrite")


def embed(model: Embedder, source: Path, out: Path, name: str) -> None:
    """Embeds the rows of a source; after a kill, the same call continues.

    Sounds that cannot be decoded are reported and left out.

    Args:
        model: Embeds.
        source: A folder of sound files, or a manifest.
        out: A file that ends in .parquet or .npy.
        name: The model's name in the file.

    Raises:
        ValueError: If there is no such source, or nothing in it could be embedded.
    """
    num_rows = sum(1 for _ in rows_of(source))
    if not num_rows:
        raise ValueError(f"{source} holds neither sounds nor captions")
    part = part_of(out)
    store = Store(part)
    num_embedded = 0
    with tqdm(total=num_rows, desc="embedding", file=sys.stderr, mininterval=0.5, disable=None) as bar:
        for rows in _chunks(source):
            keys = [_key(model, row) for row in rows]
            found = store.get(keys)
            missing = [(key, row) for key, row in zip(keys, rows, strict=True) if key not in found]
            new = _embed_chunk(model, [row for _, row in missing])
            store.put({key: new[row].tobytes() for key, row in missing if row in new}, required=True)
            num_embedded += len(rows) - sum(row not in new for _, row in missing)
            bar.update(len(rows))
    if not num_embedded:
        store.close()
        part.unlink()
        raise ValueError(f"nothing in {source} could be embedded")
    about = {"model": name, "preprocessing": model.preprocessing}
    chunks = (_stored(store, model, rows) for rows in _chunks(source))
    write_embeddings(out, chunks, num_embedded, model.clap.embedding_size, about)
    store.close()
    part.unlink()
    left_out = f", {num_rows - num_embedded} left out" if num_embedded < num_rows else ""
    print(f"{out}: {num_embedded} embeddings of {model.clap.embedding_size} numbers{left_out}")


def rows_of(source: Path) -> Iterator[Row]:
    """The rows to be embedded: every sound file of a folder, or every usable clip of a manifest and its captions."""
    if source.is_dir():
        for path in sound_files(source):
            yield Row(path.relative_to(source).as_posix(), "audio", audio=str(path))
        return
    for clip in usable_clips(source):
        if clip.audio is not None:
            yield Row(clip.id, "audio", audio=str(source.parent / clip.audio))
        for caption in clip.captions:
            yield Row(clip.id, "caption", text=caption)


def _chunks(source: Path) -> Iterator[list[Row]]:
    rows = rows_of(source)
    while chunk := list(islice(rows, CHUNK_ROWS)):
        yield chunk


def _key(model: Embedder, row: Row) -> bytes:
    """Identifies an embedding: by the model and the text, or the state of the sound file."""
    path = Path(row.audio or "")
    state = [path.stat().st_size, path.stat().st_mtime_ns] if row.audio is not None and path.is_file() else None
    return hashlib.sha256(json.dumps([model.fingerprint, row.text, row.audio, state]).encode()).digest()


def _stored(store: Store, model: Embedder, rows: list[Row]) -> Chunk:
    keys = [_key(model, row) for row in rows]
    found = store.get(keys)
    kept = [(row, np.frombuffer(found[key], np.float32)) for row, key in zip(rows, keys, strict=True) if key in found]
    vectors = np.array([vector for _, vector in kept], dtype=np.float32)
    return [row for row, _ in kept], vectors.reshape(len(kept), model.clap.embedding_size)


def _embed_chunk(model: Embedder, rows: list[Row]) -> dict[Row, NDArray[np.float32]]:
    """Embeds sounds and captions, without those sounds that cannot be decoded."""
    captions = [row for row in rows if row.text is not None]
    vectors = model.embed_text([row.text or "" for row in captions])
    return dict(zip(captions, vectors, strict=True)) | _embed_sounds(model, [row for row in rows if row.text is None])


def _embed_sounds(model: Embedder, rows: list[Row]) -> dict[Row, NDArray[np.float32]]:
    try:
        return dict(zip(rows, model.embed_audio([row.audio or "" for row in rows]), strict=True))
    except ValueError:
        found = {}
        for row in rows:
            try:
                found[row] = model.embed_audio([row.audio or ""])[0]
            except ValueError as error:
                print(f"compa embed: left out: {error}", file=sys.stderr)
        return found


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa embed",
        "Embeds a folder's sounds, or a manifest's clips and captions. After a kill, the same command continues.",
        "compa embed --model runs/demo/composition-aware recordings/ --out embeddings.npy",
    )
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of sound files, or manifest.jsonl")
    parser.add_argument(
        "--model", required=True, help="run folder, checkpoint, LAION-CLAP's .pt, or hf:FOLDER_OR_HUB_ID"
    )
    add_out_file(parser, "X.parquet, or X.npy (and X.jsonl)")
    parser.add_argument(
        "--pad",
        choices=("repeatpad", "repeat", "zeros"),
        help="how CLAP checkpoints fill up short clips (default: the checkpoint's setting)",
    )
    add_overwrite(parser)
    return parser
