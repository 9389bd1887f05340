"""Captions in: a manifest, a CSV file with a `caption` column, or a text file with a caption a line."""

from __future__ import annotations

import csv
import difflib
import itertools
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from compa.manifest import Clip, escape_id, read_manifest

_ID_COLUMNS = ("id", "audiocap_id")


def read_clips(path: Path) -> Iterator[Clip]:
    """Streams the clips of a file, by its suffix; refuses at once one that cannot be read or holds nothing.

    Raises:
        ValueError: If the suffix is unknown, the file has no caption, or a line is broken (it is named).
        FileNotFoundError: If there is no such file.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: cannot read captions from {path.suffix or 'no suffix'!r}: {', '.join(_READERS)} can")
    clips = reader(path)
    first = next(clips, None)
    if first is None:
        raise ValueError(f"{path} holds no captions: give a file with at least one")
    return itertools.chain([first], clips)


def rebase_audio(clip: Clip, source: Path, target: Path) -> Clip:
    """A clip whose relative audio path is told from the target manifest's folder rather than from the source's."""
    if clip.audio is None or Path(clip.audio).is_absolute() or source.resolve().parent == target.resolve().parent:
        return clip
    audio = os.path.relpath(source.resolve().parent / clip.audio, target.resolve().parent)
    return replace(clip, audio=Path(audio).as_posix())


def _read_text(path: Path) -> Iterator[Clip]:
    for number, line in enumerate(_lines(path), start=1):
        if caption := line.strip():
            yield Clip(id=escape_id(f"{path.stem}-{number}"), audio=None, captions=(caption,))


def _read_csv(path: Path) -> Iterator[Clip]:
    rows = csv.DictReader(_lines(path), strict=True)
    try:
        columns = list(rows.fieldnames or [])
        if columns and "caption" not in columns:
            raise ValueError(f"no column 'caption' {_nearest('caption', columns)}: rename the one that holds captions")
        for row in rows:
            yield _clip_of_row(path, row, rows.line_num)
    except (csv.Error, ValueError) as error:
        where = f"{path}, line {rows.line_num}"
        raise ValueError(str(error) if str(error).startswith(str(path)) else f"{where}: {error}") from None
