"""AudioCaps: CSVs of `audiocap_id,youtube_id,start_time,caption`, one row a caption; 10 s clips of videos."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from compa.data.audio_folder import AudioFolder, add_audio_option, youtube_stems, youtube_url
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError, Rows, delimited_rows

ABOUT = "AudioCaps' train.csv, val.csv or test.csv, or a folder of them; --audio DIR has the clips"
SPLITS = ("train", "val", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio`."""
    add_audio_option(parser, "none, captions only")


def read(source: str, options: argparse.Namespace) -> Items:
    """Yields a clip for every piece of a video, with all of its captions; a file's name is its split."""
    path = Path(source)
    tables = (
        [path / f"{split}.csv" for split in SPLITS if (path / f"{split}.csv").is_file()] if path.is_dir() else [path]
    )
    if not tables:
        raise ValueError(f"{path} holds none of {', '.join(f'{split}.csv' for split in SPLITS)}")
    folder = AudioFolder(options.audio)
    for table in tables:
        split = table.stem if table.stem in SPLITS else None
        rows = delimited_rows(table, ("youtube_id", "start_time", "caption"))
        yield from _clips(rows, folder, split)


@dataclass(frozen=True)
class _Piece:
    video: str
    start: float


def _clips(rows: Rows, folder: AudioFolder, split: str | None) -> Iterator[Clip | RowError]:
    captions: dict[_Piece, list[str]] = {}
    for row in rows:
        if isinstance(row, RowError):
            yield row
            continue
        video, start, caption = (row.cells.get(name, "") for name in ("youtube_id", "start_time", "caption"))
        if not video or not caption or not start.isdecimal():
            yield RowError(row.where, "it needs a youtube_id, a start_time in whole seconds and a caption")
            continue
        captions.setdefault(_Piece(video, int(start)), []).append(caption)
    for piece, texts in captions.items():
        name = f"{piece.video}_{piece.start:g}"
        try:
            audio = folder.find(*youtube_stems(piece.video, piece.start))
        except ValueError as error:
            yield RowError(name, str(error))
            continue
        yield Clip(escape_id(name), audio, tuple(dict.fromkeys(texts)), split=split, source=youtube_url(piece.video))
