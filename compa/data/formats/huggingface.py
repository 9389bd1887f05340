"""Data sets of Hugging Face's `datasets` (an extra): saved ones, folders of Parquet, or names on the hub."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from compa.data.captions import given_captions
from compa.data.formats import Items
from compa.data.tables import COLUMNS, ColumnMap, add_map_option
from compa.manifest import Clip, escape_id
from compa.utils.text import did_you_mean
from compa.utils.text_rows import RowError

ABOUT = "a data set of Hugging Face (needs compa[datasets]): a hub name, saved folder or Parquet file"
MAGIC = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\x1aE\xdf\xa3": ".webm"}
"""How files of some formats begin, for sounds without a name."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--config` and `--map`."""
    parser.add_argument("--config", metavar="NAME", help="configuration of the data set, where it has several")
    add_map_option(parser, ("audio", "caption"))


def read(source: str, out: Path, split: str | None = None, config: str | None = None, map: ColumnMap = ()) -> Items:
    """Yields a clip a row of the splits.

    Sounds that the data set holds itself are written, as they are, to `<stem of out>.audio/` beside the manifest;
    those that it names are left where they are.

    Args:
        source: Name on the hub, saved folder or Parquet file.
        out: The manifest.
        split: The only split that is read; by default all.
        config: Configuration of the data set.
        map: Columns of `audio` and `caption`.

    Raises:
        ValueError: If `datasets` is missing, or there is no such data set, split or column.
    """
    folder = out.with_name(f"{out.stem}.audio")
    asked = dict(map)
    for name, rows in _load(source, split, config).items():
        if split and name != split:
            continue
        audio = _column(rows, asked.get("audio"), _audio_columns(rows), "audio")
        caption = _column(rows, asked.get("caption"), COLUMNS["caption"], "caption")
        yield from _clips(rows, name, audio, caption, folder)


def _load(source: str, split: str | None, config: str | None) -> Mapping[str, Any]:
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
            loaded = datasets.Dataset.from_parquet(source, split=split or "train")
        else:
            loaded = datasets.load_dataset(source, config)
    except Exception as error:  # every loader has errors of its own
        raise ValueError(f"{source} cannot be loaded as a data set ({type(error).__name__}: {error})") from error
    splits = dict(loaded) if isinstance(loaded, dict) else {str(loaded.split or split or "train"): loaded}
    if split and split not in splits:
        raise ValueError(f"{source} has no split {split!r}: it has {', '.join(splits)}")
    return splits


def _audio_columns(rows: Any) -> Sequence[str]:
    import datasets

    return [name for name, feature in rows.features.items() if isinstance(feature, datasets.Audio)]


def _column(rows: Any, asked: str | None, usual: Sequence[str], what: str) -> str:
    names: list[str] = list(rows.column_names)
    found = [name for name in ([asked] if asked else usual) if name in names]
    if not found:
        near = did_you_mean(asked or what, names)
        raise ValueError(
            f"no column {asked or what!r}{near}: name it by --map {what}=COLUMN (it has {', '.join(names)})"
        )
    return found[0]


def _clips(rows: Any, split: str, audio: str, caption: str, folder: Path) -> Items:
    import datasets

    rows = rows.select_columns([audio, caption]).cast_column(audio, datasets.Audio(decode=False))
    for number, row in enumerate(rows):
        sound, texts = row[audio] or {}, row[caption]
        name = escape_id(f"{split}-{number:07d}")
        try:
            captions = given_captions(texts if isinstance(texts, list) else [texts])
            if not (sound.get("bytes") or sound.get("path")):
                raise ValueError("no audio")
            path = str(sound["path"]) if not sound.get("bytes") else str(_write(folder, name, sound))
        except ValueError as error:
            yield RowError(f"{split}, row {number}", str(error))
            continue
        yield Clip(name, path, captions, split=split)


def _write(folder: Path, name: str, sound: Mapping[str, Any]) -> Path:
    """Writes a sound under a name that is made here: those in the data set are not trusted."""
    content: bytes = sound["bytes"]
    known = next((suffix for magic, suffix in MAGIC.items() if content.startswith(magic)), None)
    named = Path(sound.get("path") or "").suffix.lower()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}{known or (named if named[1:].isalnum() else '.audio')}"
    path.write_bytes(content)
    return path
