"""Tables of clips: which column means what, and which rows are one clip."""

from __future__ import annotations

import argparse
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from compa.data.audio_folder import add_audio_option
from compa.data.captions import given_captions, is_missing
from compa.manifest import Clip, escape_id
from compa.utils.text import did_you_mean
from compa.utils.text_rows import Row, RowError

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "audio": ("audio", "file", "file_name", "filename", "audio_path", "file_path", "path", "fname", "wav"),
    "clip": ("youtube_id", "ytid", "video_id", "clip", "clip_id"),
    "start": ("start_time", "start_s", "start", "start_seconds", "start_time_seconds"),
    "caption": ("caption", "captions", "text", "sentence", "description"),
    "split": ("split",),
    "source": ("source", "source_url"),
    "author": ("author",),
    "licence": ("licence", "license"),
}
"""What is read of a row, and the columns that hold it where --map names no other.

Rows of one audio file are one clip; without a file, rows of one `clip`, such as a video; without that, rows of one id.
Different starts, in seconds, are different clips.
"""
NUMBERED_CAPTION = re.compile(r"caption[ _-]?\d+", re.IGNORECASE)

ColumnMap = Sequence[tuple[str, str]]
"""Pairs of a field and the column that holds it; several columns may hold captions."""


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio` and `--map`."""
    add_audio_option(parser, "that of SOURCE")
    add_map_option(parser, tuple(COLUMNS))


def add_map_option(parser: argparse.ArgumentParser, fields: Sequence[str]) -> None:
    """Adds `--map FIELD=COLUMN` for these fields."""

    def pair(text: str) -> tuple[str, str]:
        name, equals, column = text.partition("=")
        if not equals or not column or name not in fields:
            raise argparse.ArgumentTypeError(f"must be FIELD=COLUMN with a field of {', '.join(fields)}; got {text!r}")
        return name, column

    parser.add_argument(
        "--map",
        type=pair,
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help=f"column of a field, where its name is another one; fields: {', '.join(fields)}; "
        "repeat for several fields, or several captions",
    )


def clips_of_rows(
    rows: Iterable[Row | RowError | Clip], source: Path, audio: Path | None = None, map: ColumnMap = ()
) -> Iterable[Clip | RowError]:
    """Yields a clip for all rows that belong together, with the captions of all of them, in order.

    Args:
        rows: What the table holds; what is a clip already is yielded as it is.
        source: The table's path: clips without a name are called after it.
        audio: Folder from which audio paths start; by default the table's.
        map: Columns of fields whose names are none of `COLUMNS`.

    Raises:
        ValueError: If the first row lacks a column that is needed.
    """
    drafts: dict[tuple[str, ...], _Draft] = {}
    columns: dict[str, list[str]] = {}
    names: set[str] = set()
    starts: defaultdict[str, set[str]] = defaultdict(set)
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Row):
            yield row
            continue
        try:
            if row.cells.keys() != names:  # of CSV only once, of JSON now and then
                columns, names = _columns(source, row.cells, map), set(row.cells)
            draft = _draft(row, columns)
        except ValueError as error:
            if not names:
                raise
            yield RowError(row.where, str(error))
            continue
        starts[draft.audio or ""].add(draft.start)
        known = drafts.setdefault(draft.key or (str(number),), draft)
        known.captions = tuple(dict.fromkeys((*known.captions, *draft.captions)))
    for number, draft in enumerate(drafts.values(), start=1):
        if draft.audio and len(starts[draft.audio]) > 1:
            reason = f"{draft.audio} has several start times, and a clip is a whole file"
            yield RowError(draft.where, f"{reason}: kept as a caption without audio; cut the file to have both")
            name = str(Path(draft.audio).with_suffix(""))
            draft = replace(draft, audio=None, name=name, fields={"source": draft.audio} | draft.fields)
        try:
            yield draft.clip(audio or source.parent, f"{source.stem}-{number}")
        except ValueError as error:
            yield RowError(draft.where, str(error))


@dataclass
class _Draft:
    """A clip whose captions are still being collected; `name` is the table's for it, `start` in seconds, if any."""

    where: str
    captions: tuple[str, ...]
    audio: str | None
    name: str
    start: str
    fields: dict[str, str]

    @property
    def key(self) -> tuple[str, ...]:
        """Equal for the rows of one clip; empty for a row that names none."""
        name = self.audio or self.name or self.fields.get("id")
        return (name, self.start, self.fields.get("split", "")) if name else ()

    def clip(self, folder: Path, default_name: str) -> Clip:
        fields: dict[str, Any] = dict(self.fields)
        name = fields.pop("id", None) or self._default_id() or default_name
        return Clip(escape_id(name), str(folder / self.audio) if self.audio else None, self.captions, **fields)

    def _default_id(self) -> str:
        if self.audio:
            return Path(self.audio).stem if Path(self.audio).is_absolute() else str(Path(self.audio).with_suffix(""))
        return f"{self.name}_{self.start}" if self.name and self.start else self.name


def _draft(row: Row, columns: Mapping[str, list[str]]) -> _Draft:
    """What a row says.

    Raises:
        ValueError: If it cannot be used.
    """
    cells = {name: [row.cells.get(column) for column in found] for name, found in columns.items()}
    captions = given_captions(
        text for value in cells.pop("caption") for text in (value if isinstance(value, list) else [value])
    )
    fields: dict[str, str] = {}
    for name, found in cells.items():
        for value in found:
            if isinstance(value, bool) or not isinstance(value, str | int | float | None):
                raise ValueError(f"its {name} is not a text but {type(value).__name__}")
            if value is not None and not is_missing(str(value)):
                fields.setdefault(name, str(value))
    audio = fields.pop("audio", None)
    if "audio" in columns and audio is None:
        raise ValueError("no audio: name its file or remove the row")
    if audio and "\0" in audio:
        raise ValueError("its audio has a zero byte in its name")
    return _Draft(row.where, captions, audio, fields.pop("clip", ""), _seconds(fields.pop("start", "")), fields)


def _seconds(start: str) -> str:
    """A start as a number is written shortest, so that 30 and 30.0 are the same."""
    try:
        return f"{float(start):.6g}"
    except ValueError:
        return start


def _columns(path: Path, cells: Iterable[str], asked: ColumnMap) -> dict[str, list[str]]:
    """The columns of every field that there is one for."""
    by_name = {name.lower(): name for name in cells}
    shown = ", ".join(map(repr, list(by_name.values())[:8])) or "none"
    found: dict[str, list[str]] = {}
    for name, column in asked:
        if column.lower() not in by_name:
            near = did_you_mean(column.lower(), by_name)
            raise ValueError(f"{path} has no column {column!r}{near} (it has {shown})")
        found.setdefault(name, []).append(by_name[column.lower()])
    for name, usual in COLUMNS.items():
        present = [by_name[column] for column in usual if column in by_name]
        if name not in found and present:
            found[name] = present[:1]
    numbered = [column for name, column in by_name.items() if NUMBERED_CAPTION.fullmatch(name)]
    if "caption" not in found and numbered:
        found["caption"] = numbered
    if "caption" not in found:
        remedy = "rename it to 'caption', or import the table with --map caption=COLUMN"
        if len(by_name) == 1 and (separator := re.search("[,;|]", shown)):
            remedy = f"if {separator[0]!r} separates its columns, write sep={separator[0]} above the header of a .csv"
        raise ValueError(f"{path} has no column for captions: {remedy} (it has {shown})")
    return found
