"""AudioCaps: CSVs of `audiocap_id,youtube_id,start_time,caption`, one row a caption; 10 s clips of videos."""

from __future__ import annotations

import argparse
from pathlib import Path

from compa.data.audio_folder import AudioFolder, add_audio_option, youtube_stems, youtube_url
from compa.data.captions import given_captions
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import RowError, Rows, delimited_rows

ABOUT = "AudioCaps' train.csv, val.csv or test.csv, or a folder of them; --audio DIR has the clips"
SPLITS = ("train", "val", "test")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio`."""
    add_audio_option(parser, "none, captions only")


def read(source: str, audio: Path | None = None) -> Items:
    """Yields a clip for every piece of a video, with all of its captions; a file's name is its split."""
    path = Path(source)
    tables = (
        [path / f"{split}.csv" for split in SPLITS if (path / f"{split}.csv").is_file()] if path.is_dir() else [path]
    )
    if not tables:
        raise ValueError(f"{path} holds none of {', '.join(f'{split}.csv' for split in SPLITS)}")
    folder = AudioFolder(audio)
    for table in tables:
        split = table.stem if table.stem in SPLITS else None
        yield from _clips(delimited_rows(table, ("youtube_id", "start_time", "caption")), folder, split)


def _clips(rows: Rows, folder: AudioFolder, split: str | None) -> Items:
    captions: dict[tuple[str, int], dict[str, None]] = {}
    for row in rows:
        if isinstance(row, RowError):
            yield row
            continue
        video, start = row.cells["youtube_id"], row.cells["start_time"]
        try:
            if not video or not start.isdecimal():
                raise ValueError("it needs a youtube_id and a start_time in whole seconds")
            texts = given_captions([row.cells["caption"]])
        except ValueError as error:
            yield RowError(row.where, str(error))
            continue
        captions.setdefault((video, int(start)), {}).update(dict.fromkeys(texts))
    for (video, seconds), found in captions.items():
        name = f"{video}_{seconds}"
        try:
            audio = folder.find(*youtube_stems(video, seconds))
        except ValueError as error:
            yield RowError(name, str(error))
            continue
        yield Clip(escape_id(name), audio, tuple(found), split=split, source=youtube_url(video))
