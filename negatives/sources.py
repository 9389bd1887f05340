"""Reads captions: a manifest, a table (CSV, TSV, JSON Lines) with a `caption`, or a text file with one per line."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from compa.data.quarantine import usable_clips
from compa.manifest import Clip, escape_id
from compa.utils.files import is_file
from compa.utils.text_rows import Row, RowError, delimited_rows, json_rows, numbered_lines, whole_rows

VIDEO_COLUMNS = ("youtube_id", "ytid", "video_id")
START_COLUMNS = ("start_time", "start_seconds", "start_s", "start")
FILE_COLUMNS = ("audio", "file", "file_name", "filename", "audio_path", "file_path", "path", "fname", "wav")
CLIP_COLUMNS = ("clip", "clip_id", "id")
"""Columns that say which rows are captions of one clip: a piece of a video, a sound file, or a name."""
ROW_COLUMN = "audiocap_id"
MISSING = frozenset(["", "nan", "none", "<na>", "null", "na", "n/a", "#n/a"])
"""How pandas, R and Excel write a missing value, in lower case."""


def read_clips(path: Path, without_caption: list[RowError] | None = None) -> Iterator[Clip]:
    """Yields the clips of a file, by its suffix.

    Rows of a table that name the same clip are one clip with several captions; such a table is read as a whole,
    everything else as a stream. Clips in a manifest's quarantine are left out.

    Args:
        path: The file.
        without_caption: Rows without a caption are appended to it.

    Raises:
        ValueError: If the suffix is unknown, the file has no caption, or a line is broken (it is named).
        FileNotFoundError: If there is no such file.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: captions are read from {', '.join(_READERS)}; got {path.suffix or 'no suffix'!r}")
    if not is_file(path):
        raise FileNotFoundError(f"{path}: no such file: give a manifest, table or text file that exists")
    missing = [] if without_caption is None else without_caption
    clips = reader(path, missing)
    first = next(clips, None)
    if first is None:
        raise ValueError(
            f"{path} has no captions{f' ({missing[0]})' if missing else ''}: give a file with at least one"
        )
    return itertools.chain([first], clips)


def rebase_audio(clip: Clip, source: Path, target: Path) -> Clip:
    """A clip whose relative audio path starts from the target manifest's folder, not from the source's."""
    if clip.audio is None or Path(clip.audio).is_absolute() or source.resolve().parent == target.resolve().parent:
        return clip
    audio = os.path.relpath(source.resolve().parent / clip.audio, target.resolve().parent)
    return replace(clip, audio=Path(audio).as_posix())


def _read_text(path: Path, missing: list[RowError]) -> Iterator[Clip]:
    for number, line in numbered_lines(path):
        if isinstance(line, RowError):
            raise ValueError(str(line))
        row = Row({"caption": line.strip()}, f"{path}, line {number}")
        if line.strip() and not _lacks_caption(row, missing):
            yield Clip(escape_id(f"{path.stem}-{number}"), None, (row.cells["caption"],))


def _read_table(path: Path, missing: list[RowError]) -> Iterator[Clip]:
    return _clips(whole_rows(delimited_rows(path, ("caption",))), path, missing)


def _read_json_lines(path: Path, missing: list[RowError]) -> Iterator[Clip]:
    """A manifest; or, where the first line is not a clip but has a `caption`, a table."""
    lines = (line for _, line in numbered_lines(path))
    first = next((line for line in lines if not isinstance(line, RowError) and line.strip()), "")
    if '"caption"' not in first or '"captions"' in first:
        return usable_clips(path)
    return _clips(whole_rows(json_rows(path)), path, missing)


def _clips(rows: Iterable[Row], path: Path, missing: list[RowError]) -> Iterator[Clip]:
    """The clips of a table: one for each row that does not name its clip, one for all rows that name the same."""
    grouped: dict[str, tuple[str | None, dict[str, None]]] = {}
    for number, row in enumerate(rows, start=1):
        if _lacks_caption(row, missing):
            continue
        name, audio = _clip_of(row)
        caption = row.cells["caption"].strip()
        if name is None:
            yield Clip(escape_id(str(row.cells.get(ROW_COLUMN) or f"{path.stem}-{number}")), audio, (caption,))
        else:
            grouped.setdefault(name, (audio, {}))[1][caption] = None
    for name, (audio, captions) in grouped.items():
        yield Clip(escape_id(name), audio, tuple(captions))


def _clip_of(row: Row) -> tuple[str | None, str | None]:
    """The name of the clip that a row belongs to, where the row says it, and its sound file."""
    cells = {column: str(value) for column, value in row.cells.items() if value not in (None, "")}

    def first(columns: Iterable[str]) -> str | None:
        return next((cells[column] for column in columns if column in cells), None)

    audio, video = first(FILE_COLUMNS), first(VIDEO_COLUMNS)
    name = video or first(CLIP_COLUMNS) or (str(Path(audio).with_suffix("")) if audio else None)
    start = first(START_COLUMNS)
    return f"{name}_{_trimmed(start)}" if name and start else name, audio


def _trimmed(start: str) -> str:
    """A start time as a clip's name has it: "30" for "30.000"."""
    try:
        return f"{float(start):g}"
    except ValueError:
        return start


def _lacks_caption(row: Row, missing: list[RowError]) -> bool:
    """Whether a row has no caption; it is then listed.

    Raises:
        ValueError: If it has something else than a text.
    """
    caption = row.cells.get("caption")
    if not isinstance(caption, str | None) or "caption" not in row.cells:
        raise ValueError(f"{row.where}: 'caption' must be a text; got {caption!r}")
    if (caption or "").strip().casefold() not in MISSING:
        return False
    missing.append(RowError(row.where, f"no caption: {caption!r}" if caption else "no caption"))
    return True


_READERS: dict[str, Callable[[Path, list[RowError]], Iterator[Clip]]] = {
    ".jsonl": _read_json_lines,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".txt": _read_text,
}
