"""`compa embed`: embeddings of a folder's sounds, or of a manifest's clips and captions, in a file."""

from __future__ import annotations

import argparse
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
from compa.models.embedding_file import SUFFIXES, Chunk, Parts, Row, files_of, parts_of, write_embeddings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from compa.models.embedder import Embedder

CHUNK_ROWS = 256
"""So many rows are embedded and kept at a time; a kill costs no more."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa embed` and returns the exit code.

    Raises:
        ValueError: If there is no such model or source, the file's kind is unknown, or nothing could be embedded.
        OSError: If a file cannot be written.
    """
    options = _parser().parse_args(arguments)
    if options.out.suffix not in SUFFIXES:
        raise ValueError(
            f"--out {options.out} is of no kind that can be written: its name ends in {', '.join(SUFFIXES)}"
        )
    for path in files_of(options.out):
        if path.resolve() == options.source.resolve():
            raise ValueError(f"--out {options.out} would write {path} over the source: choose another name")
        if path.exists() and not options.overwrite and not (path != options.out and parts_of(options.out).is_dir()):
            raise ValueError(f"{path} is there already: choose another --out, or give --overwrite")
    from compa.models.pretrained import load

    embed(load(options.model, pad=options.pad), options.source, options.out, options.model)
    return 0


def embed(model: Embedder, source: Path, out: Path, name: str) -> None:
    """Embeds what a source holds.

    The same command goes on where it was killed. Sounds that cannot be decoded are named and left out.

    Args:
        model: Embeds.
        source: A folder of sound files, or a manifest.
        out: A file that ends in .parquet or .npy.
        name: What the model is called in the file.

    Raises:
        ValueError: If there is no such source, or nothing in it could be embedded.
    """
    from compa.models.checkpoints.fingerprint import fingerprint

    listed = hashlib.sha256()
    num_rows = 0
    for row in rows_of(source):
        listed.update(json.dumps([row.id, row.text, row.audio, _state(row)]).encode())
        num_rows += 1
    if not num_rows:
        raise ValueError(f"{source} holds neither sounds nor captions")
    out.parent.mkdir(parents=True, exist_ok=True)
    about = {"model": name, "preprocessing": model.preprocessing}
    job = {"fingerprint": fingerprint(model.clap, model.clap.describe()), "rows": listed.hexdigest(), **about}
    parts = Parts(parts_of(out), json.loads(json.dumps(job)))
    num_chunks = -(-num_rows // CHUNK_ROWS)
    rows = rows_of(source)
    shown = tqdm(range(num_chunks), "embedding", unit=" chunks", file=sys.stderr, mininterval=0.5, disable=None)
    for number in shown:
        chunk = list(islice(rows, CHUNK_ROWS))
        if number not in parts:
            parts.write(number, *_embed_chunk(model, chunk))
    num_embedded = sum(len(parts.read(number)[0]) for number in range(num_chunks))
    if not num_embedded:
        raise ValueError(f"nothing in {source} could be embedded")
    chunks = (parts.read(number) for number in range(num_chunks))
    write_embeddings(out, chunks, num_embedded, model.clap.embedding_size, about)
    parts.remove()
    left_out = f", {num_rows - num_embedded} left out" if num_embedded < num_rows else ""
    print(f"{out}: {num_embedded} embeddings of {model.clap.embedding_size} numbers{left_out}")


def rows_of(source: Path) -> Iterator[Row]:
    """What is to be embedded: every sound file of a folder, or every usable clip of a manifest and its captions."""
    if source.is_dir():
        for path in sound_files(source):
            yield Row(path.relative_to(source).as_posix(), "audio", audio=str(path))
        return
    for clip in usable_clips(source):
        if clip.audio is not None:
            yield Row(clip.id, "audio", audio=str(source.parent / clip.audio))
        for caption in clip.captions:
            yield Row(clip.id, "caption", text=caption)


def _embed_chunk(model: Embedder, rows: list[Row]) -> Chunk:
    """Embeds sounds and captions, without those sounds that cannot be decoded."""
    sounds = [row for row in rows if row.audio is not None]
    captions = [row for row in rows if row.text is not None]
    heard = _embed_sounds(model, sounds)
    read = dict(zip(map(id, captions), model.embed_text([row.text or "" for row in captions]), strict=True))
    found = {id(row): heard[row] for row in sounds if row in heard} | read
    kept = [row for row in rows if id(row) in found]
    embeddings = np.array([found[id(row)] for row in kept], dtype=np.float32)
    return kept, embeddings.reshape(len(kept), model.clap.embedding_size)


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


def _state(row: Row) -> list[int] | None:
    """Size and time of a sound file, which tell whether it is still the same."""
    path = Path(row.audio or "")
    if row.audio is None or not path.is_file():
        return None
    state = path.stat()
    return [state.st_size, state.st_mtime_ns]


def _parser() -> argparse.ArgumentParser:
    about = (
        "Embeds a folder's sounds, or a manifest's clips and captions. A kill costs little: the same command goes on."
    )
    parser = argparse.ArgumentParser(prog="compa embed", description=about)
    parser.add_argument("source", type=Path, metavar="SOURCE", help="folder of sound files, or manifest.jsonl")
    parser.add_argument(
        "--model", required=True, help="run folder, checkpoint, LAION-CLAP's .pt, or hf:FOLDER_OR_HUB_ID"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="X.parquet, or X.npy (and X.jsonl)")
    parser.add_argument(
        "--pad",
        choices=("repeatpad", "repeat", "zeros"),
        help="how CLAP checkpoints of others fill up short clips (default: their own way)",
    )
    parser.add_argument("--overwrite", action="store_true", help="replace the file")
    return parser
