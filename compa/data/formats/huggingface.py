"""Data sets of Hugging Face's `datasets` (an extra): saved ones, folders of Parquet, or names on the hub."""

from __future__ import annotations

import argparse
import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError

ABOUT = "a data set of Hugging Face (needs compa[datasets]): a hub name, saved folder or Parquet file"
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\x1aE\xdf\xa3": ".webm"}
"""How files of some formats begin, for sounds that come without a name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--config`, `--audio-column` and `--caption-column`."""
    parser.add_argument("--config", metavar="NAME", help="configuration of the data set, where it has several")
    parser.add_argument("--audio-column", metavar="COLUMN", help="default: the one that is audio")
    parser.add_argument("--caption-column", metavar="COLUMN", help="texts or lists of texts (default: caption or text)")


def read(source: str, options: argparse.Namespace) -> Items:
    """Yields a clip a row of the splits (of `--split` alone, if given).

    Sounds that the data set holds itself are written, as they are, to `<stem of --out>.audio/` beside the manifest;
    those that it names are left where they are.

    Raises:
        ValueError: If `datasets` is missing, or there is no such data set, split or column.
    """
    folder: Path = options.out.with_name(f"{options.out.stem}.audio")
    for split, rows in _load(source, options).items():
        if options.split and split != options.split:
            continue
        audio = _column(rows, options.audio_column, _audio_columns(rows), "audio")
        caption = _column(rows, options.caption_column, ("caption", "captions", "text", "sentence"), "caption")
        yield from _clips(rows, split, audio, caption, folder)


def _load(source: str, options: argparse.Namespace) -> Mapping[str, Any]:
    """The splits of a data set, by name."""
    try:
        import datasets
    except ImportError as error:
        raise ValueError("this format needs Hugging Face's datasets: pip install 'compa[datasets]'") from error
    path = Path(source)
    try:
        if path.is_dir() and any((path / name).is_file() for name in ("dataset_dict.json", "state.json")):
            loaded = datasets.load_from_disk(source)
        elif path.suffix == ".parquet":
            loaded = datasets.Dataset.from_parquet(source, split=options.split or "train")
        else:
            loaded = datasets.load_dataset(source, options.config)
    except Exception as error:  # every loader has errors of its own
        raise ValueError(f"{source} cannot be loaded as a data set ({type(error).__name__}: {error})") from error
    splits = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or options.split or "train"): loaded}
    if options.split and options.split not in splits:
        raise ValueError(f"{source} has no split {options.split!r}: it has {', '.join(splits)}")
    return splits


def _audio_columns(rows: Any) -> Sequence[str]:
    import datasets

    return [name for name, feature in rows.features.items() if isinstance(feature, datasets.Audio)]


def _column(rows: Any, asked: str | None, usual: Sequence[str], what: str) -> str:
    names: list[str] = list(rows.column_names)
    found = [name for name in ([asked] if asked else usual) if name in names]
    if not found:
        near = difflib.get_close_matches(asked or what, names, n=3) or names[:8]
        raise ValueError(f"no column {asked or what!r} in the data set: name it by --{what}-column ({', '.join(near)})")
    return found[0]


def _clips(rows: Any, split: str, audio: str, caption: str, folder: Path) -> Iterator[Clip | RowError]:
    import datasets

    rows = rows.select_columns([audio, caption]).cast_column(audio, datasets.Audio(decode=False))
    for number, row in enumerate(rows):
        where, sound, texts = f"{split}, row {number}", row[audio] or {}, row[caption]
        captions = [
            text.strip() for text in ([texts] if isinstance(texts, str) else texts or []) if text and text.strip()
        ]
        if not captions or not (sound.get("bytes") or sound.get("path")):
            yield RowError(where, f"no {'audio' if captions else 'caption'}")
            continue
        name = escape_id(f"{split}-{number:07d}")
        path = str(sound["path"]) if not sound.get("bytes") else str(_write(folder, name, sound))
        yield Clip(name, path, tuple(dict.fromkeys(captions)), split=split)


def _write(folder: Path, name: str, sound: Mapping[str, Any]) -> Path:
    """Writes a sound under a name of our own: those in the data set are not trusted."""
    content: bytes = sound["bytes"]
    told = next((suffix for magic, suffix in MAGIC.items() if content.startswith(magic)), None)
    own = Path(sound.get("path") or "").suffix.lower()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{told or (own if own[1:].isalnum() else '.audio')}"
    path.write_bytes(content)
    return path
