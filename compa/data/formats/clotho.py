"""Clotho: a CSV of `file_name,caption_1,...,caption_5`, one row a clip, and one of their sources and licences."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compa.data.audio_folder import AudioFolder, add_audio_option, freesound_url
from compa.data.captions import given_captions
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError, delimited_rows

ABOUT = "Clotho's clotho_captions_*.csv (5 captions a clip); --audio DIR has the clips, --metadata FILE the sources"
CAPTIONS = tuple(f"caption_{number}" for number in range(1, 6))
SPLITS = {"development": "train", "validation": "val", "evaluation": "test"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio` and `--metadata`."""
    add_audio_option(parser, "none, captions only")
    parser.add_argument("--metadata", type=Path, metavar="FILE", help="clotho_metadata_*.csv of the same clips")


def read(source: str, audio: Path | None = None, metadata: Path | None = None) -> Items:
    """Yields a clip a row; development, validation and evaluation are the splits train, val and test."""
    path = Path(source)
    folder = AudioFolder(audio)
    split = next((split for name, split in SPLITS.items() if name in path.stem.lower()), None)
    about = _metadata(metadata) if metadata else {}
    for row in delimited_rows(path, ("file_name", CAPTIONS[0])):
        if isinstance(row, RowError):
            yield row
            continue
        name = row.cells["file_name"]
        try:
            if not name:
                raise ValueError("no file_name")
            captions = given_captions(row.cells.get(column) for column in CAPTIONS)
            audio_path = folder.find(Path(name).stem)
        except ValueError as error:
            yield RowError(row.where, str(error))
            continue
        known = about.get(name, {})
        sound = known.get("sound_id", "")
        yield Clip(
            escape_id(Path(name).stem),
            audio_path,
            captions,
            split=split,
            source=freesound_url(sound) if sound.isdecimal() else known.get("sound_link") or None,
            author=known.get("manufacturer") or None,
            licence=known.get("license") or None,
        )


def _metadata(path: Path) -> dict[str, Mapping[str, Any]]:
    """The rows of the metadata by file name; a broken one says nothing of its clip."""
    rows = delimited_rows(path, ("file_name",))
    return {row.cells["file_name"]: row.cells for row in rows if not isinstance(row, RowError)}
