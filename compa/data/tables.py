"""Tables of clips: which column means what, and rows of one sound file as one clip."""

from __future__ import annotations

import argparse
import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from compa.data.audio_folder import add_audio_option
from compa.data.formats import Items
from compa.manifest import Clip, escape_id
from compa.utils.text_rows import Row, RowError, Rows

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "id": ("id",),
    "audio": ("audio", "file", "file_name", "filename", "audio_path", "file_path", "path", "fname", "wav"),
    "caption": ("caption", "captions", "text", "sentence", "description"),
    "split": ("split",),
    "source": ("source", "source_url"),
    "author": ("author",),
    "licence": ("licence", "license"),
}
"""What is taken from a row, and the names under which it is found where nothing else is asked for."""
NUMBERED_CAPTION = re.compile(r"caption[ _-]?\d+", re.IGNORECASE)


def add_table_options(parser: argparse.ArgumentParser) -> None:
    """Adds `--audio` and `--map`."""
    add_audio_option(parser, "that of SOURCE")
    parser.add_argument(
        "--map",
        type=_mapping,
        action="append",
        default=[],
        metavar="FIELD=COLUMN",
        help=f"column of a field, where its name does not tell; fields: {', '.join(COLUMNS)}; "
        "repeat for several fields, or several captions",
    )


def reader_of(rows_of: Callable[[Path], Rows]) -> Callable[[str, argparse.Namespace], Items]:
    """The `read` of a format whose tables `rows_of` reads."""

    def read(source: str, options: argparse.Namespace) -> Items:
        """Yields a clip for every sound file, with the captions of all its rows."""
        return clips_of_rows(rows_of(Path(source)), Path(source), options)

    return read


def clips_of_rows(rows: Iterable[Row | RowError | Clip], source: Path, options: argparse.Namespace) -> Items:
    """Yields a clip for every sound file that the rows name, with the captions of all its rows, in order.

    Args:
        rows: What the table holds; what is a clip already is yielded as it is.
        source: The table's path: audio starts from its folder, and clips without audio are named after it.
        options: `audio` and `map`, as `add_table_options` has them.

    Raises:
        ValueError: If the first row lacks a column that is needed.
    """
    folder: Path = options.audio or source.parent
    drafts: dict[tuple[str, ...], _Draft] = {}
    columns: dict[str, list[str]] = {}
    names: set[str] = set()
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, Row):
            yield row
            continue
        if row.cells.keys() != names:  # of CSV only once, of JSON now and then
            try:
                columns, names = _columns(source, row.cells, options.map), set(row.cells)
            except ValueError as error:
                if not names:
                    raise
                yield RowError(row.where, str(error))
                continue
        draft = _draft(row, columns)
        if isinstance(draft, str):
            yield RowError(row.where, draft)
            continue
        key = (draft.audio, draft.fields.get("split", "")) if draft.audio else (str(number),)
        drafts.setdefault(key, draft).captions.update(draft.captions)
    for number, draft in enumerate(drafts.values(), start=1):
        yield draft.clip(folder, f"{source.stem}-{number}")


@dataclass
class _Draft:
    """A clip whose captions are still being collected, in the order of the keys."""

    audio: str | None
    captions: dict[str, None]
    fields: dict[str, str]
    where: str = field(default="")

    def clip(self, folder: Path, default_name: str) -> Clip | RowError:
        fields: dict[str, Any] = dict(self.fields)
        name = fields.pop("id", None) or (str(Path(self.audio).with_suffix("")) if self.audio else default_name)
        if self.audio and Path(self.audio).is_absolute() and "id" not in self.fields:
            name = Path(self.audio).stem
        try:
            audio = str(folder / self.audio) if self.audio else None
            return replace(Clip(escape_id(name), audio, tuple(self.captions)), **fields)
        except ValueError as error:
            return RowError(self.where, str(error))


def _draft(row: Row, columns: Mapping[str, list[str]]) -> _Draft | str:
    """What a row says, or what is wrong with it."""
    values = {name: [row.cells[column] for column in columns[name] if row.cells.get(column)] for name in columns}
    captions = [text for value in values.get("caption", ()) for text in (value if isinstance(value, list) else [value])]
    single = {name: found[0] for name, found in values.items() if found and name != "caption"}
    for name, value in [*single.items(), *(("caption", text) for text in captions)]:
        if isinstance(value, bool) or not isinstance(value, str | int):
            return f"its {name} is no text but {type(value).__name__}"
    texts = dict.fromkeys(text for caption in captions if (text := str(caption).strip()))
    if not texts:
        return "no caption: write one or remove the row"
    audio = str(single.pop("audio", "")) or None
    if "audio" in columns and audio is None:
        return "no audio: name its file or remove the row"
    if audio and "\0" in audio:
        return "its audio has a zero byte in its name"
    return _Draft(audio, texts, {name: str(value) for name, value in single.items()}, row.where)


def _columns(path: Path, cells: Iterable[str], asked: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    """The columns of every field that there is one for."""
    by_name = {name.lower(): name for name in cells}
    found: dict[str, list[str]] = {}
    for name, column in asked:
        if column.lower() not in by_name:
            near = difflib.get_close_matches(column, by_name.values(), n=3) or list(by_name.values())[:8]
            raise ValueError(f"{path} has no column {column!r}: it has {', '.join(map(repr, near))}")
        found.setdefault(name, []).append(by_name[column.lower()])
    for name, usual in COLUMNS.items():
        present = [by_name[column] for column in usual if column in by_name]
        if name not in found and present:
            found[name] = present[:1]
    numbered = [column for name, column in by_name.items() if NUMBERED_CAPTION.fullmatch(name)]
    if "caption" not in found and numbered:
        found["caption"] = numbered
    if "caption" not in found:
        names = ", ".join(map(repr, list(by_name.values())[:8])) or "none"
        raise ValueError(f"{path} has no column for captions: name it by --map caption=COLUMN (it has {names})")
    return found


def _mapping(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not equals or not column or name not in COLUMNS:
        raise argparse.ArgumentTypeError(f"{text!r} is not FIELD=COLUMN with a field of {', '.join(COLUMNS)}")
    return name, column
