"""Rows of CSV, TSV and JSON Lines files whose content is not trusted: a broken one does not stop the rest."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from compa.manifest import parse_json
from compa.utils.text_lines import Refusal, numbered_lines


@dataclass(frozen=True)
class Row:
    """A row by column, and where it stands."""

    cells: Mapping[str, Any]
    where: str


Rows = Iterator[Row | Refusal]


def delimited_rows(path: Path, delimiter: str = ",", number_repeated: bool = False) -> Rows:
    """Yields the rows of a CSV (quoted as usual) or a TSV (without quotes); a broken one does not stop the rest.

    Args:
        path: The file.
        delimiter: What stands between cells.
        number_repeated: Whether a second column `x` is called `x.1`, as pandas does, instead of being refused.

    Raises:
        ValueError: If there is no header, or it names a column twice.
        OSError: If the file cannot be read.
    """
    bad: list[Refusal] = []
    reader = csv.reader(
        _good_lines(path, bad),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL,
        strict=True,
    )
    header: list[str] = []
    while True:
        first = reader.line_num + 1
        try:
            cells = [cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            yield Refusal(_lines(path, first, reader.line_num), f"no CSV ({error})")
            continue
        yield from bad
        bad.clear()
        if not any(cells):
            continue
        if not header:
            header = _checked_header(path, _numbered(cells) if number_repeated else cells)
        elif len(cells) > len(header):
            reason = f"{len(cells)} cells for {len(header)} columns: quote captions that contain {delimiter!r}"
            yield Refusal(_lines(path, first, reader.line_num), reason)
        else:
            yield Row(dict(zip_longest(header, cells, fillvalue="")), _lines(path, first, reader.line_num))
    yield from bad
    if not header:
        raise ValueError(f"{path} has no header: its first line must name the columns, in UTF-8")


def json_rows(path: Path) -> Rows:
    """Yields the objects of a JSON Lines file; a broken line does not stop the rest."""
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        if isinstance(line, Refusal):
            yield line
        elif line.strip():
            try:
                value = parse_json(line)
            except ValueError as error:
                yield Refusal(where, str(error))
                continue
            is_object = isinstance(value, dict)
            yield Row(value, where) if is_object else Refusal(where, f"no JSON object but {type(value).__name__}")


def require_columns(rows: Rows, path: Path, columns: tuple[str, ...]) -> Rows:
    """The same rows.

    Raises:
        ValueError: If the table at `path` lacks one of the columns.
    """
    for row in rows:
        if isinstance(row, Row):
            for column in columns:
                if column not in row.cells:
                    raise ValueError(f"{path} has no column {column!r}: it has {', '.join(map(repr, row.cells))}")
        yield row


def _good_lines(path: Path, bad: list[Refusal]) -> Iterator[str]:
    for _, line in numbered_lines(path):
        if isinstance(line, Refusal):
            bad.append(line)
        yield "\n" if isinstance(line, Refusal) else line  # a blank line keeps the count right


def _lines(path: Path, first: int, last: int) -> str:
    return f"{path}, line {first}" if last <= first else f"{path}, lines {first} to {last}"


def _numbered(names: list[str]) -> list[str]:
    """The names, the second `x` as `x.1`, the third as `x.2`; empty ones stay."""
    return [
        f"{name}.{names[:place].count(name)}" if name and name in names[:place] else name
        for place, name in enumerate(names)
    ]


def _checked_header(path: Path, names: list[str]) -> list[str]:
    lowered = [name.lower() for name in names]
    twice = next((name for name in lowered if name and lowered.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{path} has several columns {twice!r}: rename all but one")
    return names
