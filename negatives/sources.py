"""Captions in: a manifest, CSV or JSON Lines with a `caption`, or a text file with a caption a line."""

from __future__ import annotations

import csv
import difflib
import itertools
import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

from compa.data.quarantine import usable_clips
from compa.manifest import Clip, escape_id
from compa.utils.files import is_file
from compa.utils.text_rows import RowError, numbered_lines, parse_json

_ID_COLUMNS = ("id", "audiocap_id")


def read_clips(path: Path) -> Iterator[Clip]:
    """Streams the clips of a file, by its suffix; refuses at once one that cannot be read or holds nothing.

    Clips in a manifest's quarantine are left out.

    Raises:
        ValueError: If the suffix is unknown, the file has no caption, or a line is broken (it is named).
        FileNotFoundError: If there is no such file.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: cannot read captions from {path.suffix or 'no suffix'!r}: {', '.join(_READERS)} can")
    if not is_file(path):
        raise FileNotFoundError(f"{path}: no such file: give a manifest, CSV or text file that exists")
    clips = reader(path)
    first = next(clips, None)
    if first is None:
        raise ValueError(f"{path} holds no captions: give a file with at least one")
    return itertools.chain([first], clips)


def rebase_audio(clip: Clip, source: Path, target: Path) -> Clip:
    """A clip whose relative audio path starts from the target manifest's folder, not from the source's."""
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
        columns = rows.fieldnames or ()
        if columns and "caption" not in columns:
            near = difflib.get_close_matches("caption", columns, n=3, cutoff=0.0)
            raise ValueError(
                f"{path} has no column 'caption', nearest: {', '.join(near)}: rename the one with captions"
            )
        for row in rows:
            yield _clip_of_row(row, f"{path.stem}-{rows.line_num}", f"{path}, line {rows.line_num}")
    except csv.Error as error:
        raise ValueError(f"{path}, line {rows.line_num + 1}: {error}") from None


def _read_json_lines(path: Path) -> Iterator[Clip]:
    """A manifest; or, where the first line is no clip but has a `caption`, plain records."""
    first = next((line for line in _lines(path) if line.strip()), "")
    if '"caption"' not in first or '"captions"' in first:
        yield from usable_clips(path)
        return
    for number, line in enumerate(_lines(path), start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            record = parse_json(line)
        except ValueError as error:
            raise ValueError(f"{where}: {error}") from None
        texts = {key: value for key, value in record.items() if value is not None} if isinstance(record, dict) else {}
        if not isinstance(texts.get("caption"), str):
            raise ValueError(f"{where}: no text 'caption': every line must be an object that has one")
        row: dict[str | None, str | None] = {
            key: str(texts[key]) for key in (*_ID_COLUMNS, "audio", "caption") if key in texts
        }
        yield _clip_of_row(row, f"{path.stem}-{number}", where)


def _clip_of_row(row: dict[str | None, str | None], default_id: str, where: str) -> Clip:
    if None in row:
        raise ValueError(f"{where}: more cells than columns: quote captions that contain commas")
    caption = (row["caption"] or "").strip()
    if not caption:
        raise ValueError(f"{where}: no caption: write one or remove the line")
    name = next((row[column] for column in _ID_COLUMNS if row.get(column)), None)
    return Clip(id=escape_id(name or default_id), audio=row.get("audio") or None, captions=(caption,))


def _lines(path: Path) -> Iterator[str]:
    for _, line in numbered_lines(path):
        if isinstance(line, RowError):
            raise ValueError(str(line))
        yield line


_READERS: dict[str, Callable[[Path], Iterator[Clip]]] = {
    ".jsonl": _read_json_lines,
    ".csv": _read_csv,
    ".txt": _read_text,
}
