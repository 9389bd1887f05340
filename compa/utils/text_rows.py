"""Lines and rows of text files whose content is not trusted: a broken one is reported, and the rest is read on.

All CSV, TSV and JSON Lines files are read here.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any, NoReturn

from compa.utils.files import is_file
from compa.utils.text import did_you_mean

MAX_LINE_BYTES = 2**24
"""A longer line is refused unread: no caption is 16 MiB long."""
csv.field_size_limit(MAX_LINE_BYTES)  # a cell may be as long as a line
DELIMITERS = (",", ";", "\t")
"""What may separate the cells of a CSV. Spreadsheets write ';' where a comma is the decimal point."""


@dataclass(frozen=True)
class RowError:
    """A line or row that cannot be used.

    Attributes:
        where: File, and line or row where there is one.
        reason: What is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(frozen=True)
class LineOffset:
    """Where a line begins: its number from 1, and its first byte in the file from 0."""

    number: int = 1
    start: int = 0


START = LineOffset()


@dataclass(frozen=True)
class Row:
    """The cells of a row by column, and its place in the file."""

    cells: Mapping[str, Any]
    where: str


Rows = Iterator[Row | RowError]


def lines_from(
    path: Path, first: LineOffset = START, errors: str = "strict"
) -> Iterator[tuple[LineOffset, str | RowError]]:
    """Yields the lines of a UTF-8 file from one on, each with its offset, with line ends, without a byte order mark.

    At most 16 MiB of a line are in memory.

    Args:
        path: The file.
        first: Where to begin.
        errors: What becomes of bytes that are not UTF-8, as in `open`; `strict` reports their line.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not is_file(path):
        raise FileNotFoundError(f"{path} is not a file: give one that exists")
    with path.open("rb") as file:
        file.seek(first.start)
        number = first.number
        while True:
            offset = LineOffset(number, file.tell())
            if not (line := file.readline(MAX_LINE_BYTES + 1)):
                break
            number += 1
            where = f"{path}, line {offset.number}"
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield offset, RowError(where, f"longer than {MAX_LINE_BYTES / 2**20:g} MiB")
            elif b"\0" in line:
                yield offset, RowError(where, "holds zero bytes: save the file as text in UTF-8")
            else:
                try:
                    yield offset, line.decode("utf-8-sig" if offset.number == 1 else "utf-8", errors)
                except UnicodeDecodeError as error:
                    byte = error.start + 1
                    yield offset, RowError(where, f"not UTF-8 (byte {byte} of the line): save the file in UTF-8")


def numbered_lines(path: Path, errors: str = "strict") -> Iterator[tuple[int, str | RowError]]:
    """Yields the lines of a file with their numbers from 1; as `lines_from` does otherwise."""
    for offset, line in lines_from(path, errors=errors):
        yield offset.number, line


def delimited_rows(
    path: Path,
    columns: tuple[str, ...] = (),
    *,
    delimiter: str | None = None,
    number_repeated: bool = False,
    errors: str = "strict",
) -> Rows:
    """Yields the rows of a table with a header; names of columns in lower case, cells without surrounding blanks.

    A CSV is quoted as usual. A TSV, `delimiter="\\t"`, has a row a line, and only cells that are quoted as a whole are
    unquoted: published ones have single quotation marks in texts.

    Args:
        path: The file.
        columns: Those that the table must have.
        delimiter: What separates cells; by default the one of `DELIMITERS` that cuts the header into most names, or
            the one that a first line `sep=;` gives, as Excel writes it.
        number_repeated: Whether a second column `x` is called `x.1`, as pandas does, instead of being refused.
        errors: As for `lines_from`.

    Raises:
        ValueError: If there is no header, it names a column twice, or it lacks one of `columns`.
        OSError: If the file cannot be read.
    """
    bad: list[RowError] = []
    lines = _good_lines(path, bad, errors)
    head = list(_up_to_first(lines))
    if head and (separator := re.fullmatch(r'"?sep=(.)"?', head[-1].strip(), re.IGNORECASE)):
        delimiter, head[-1] = delimiter or separator[1], "\n"
    delimiter = delimiter or _delimiter_of(head)
    is_tsv = delimiter == "\t" and path.suffix.lower() != ".csv"
    reader = csv.reader(
        chain(head, lines),
        delimiter=delimiter,
        quoting=csv.QUOTE_NONE if is_tsv else csv.QUOTE_MINIMAL,
        skipinitialspace=True,
        strict=True,
    )
    header: list[str] = []
    cause = ""
    while True:
        first = reader.line_num + 1
        try:
            cells = [_unquoted(cell.strip()) if is_tsv else cell.strip() for cell in next(reader)]
        except StopIteration:
            break
        except csv.Error as error:
            bad.append(RowError(_lines(path, first, reader.line_num), f"not CSV ({error})"))
            cells = []
        if bad and not cause:
            cause = f" ({str(bad[0]).removeprefix(f'{path}, ')})"
        yield from bad
        bad.clear()
        if not any(cells):
            continue
        if not header:
            header = _checked_header(path, cells, columns, number_repeated)
        elif len(cells) > len(header):
            reason = f"{len(cells)} cells for {len(header)} columns: quote texts that contain {delimiter!r}"
            yield RowError(_lines(path, first, reader.line_num), reason)
        else:
            yield Row(dict(zip_longest(header, cells, fillvalue="")), _lines(path, first, reader.line_num))
    if not header:
        raise ValueError(f"{path} has no header{cause}: its first line must name the columns, in UTF-8")
    yield from bad


def json_rows(path: Path) -> Rows:
    """Yields the objects of a JSON Lines file; a broken line does not stop the rest."""
    for number, line in numbered_lines(path):
        where = f"{path}, line {number}"
        if isinstance(line, RowError):
            yield line
        elif line.strip():
            try:
                value = parse_json(line)
            except ValueError as error:
                yield RowError(where, str(error))
                continue
            is_object = isinstance(value, dict)
            yield Row(value, where) if is_object else RowError(where, f"not a JSON object but {type(value).__name__}")


def whole_rows(rows: Rows, remedy: str = "correct or remove the row") -> Iterator[Row]:
    """Yields rows up to the first one that is broken.

    Raises:
        ValueError: At that one, with the remedy.
    """
    for row in rows:
        if isinstance(row, RowError):
            raise ValueError(f"{row}: {remedy}")
        yield row


def parse_json(text: str) -> Any:
    """Reads JSON as its standard has it: without NaN, and with no text that UTF-8 cannot hold.

    Raises:
        ValueError: If it is not JSON.
    """
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
        if "\\u" in text:
            json.dumps(value, ensure_ascii=False).encode()  # half of a surrogate pair could not be written again
    except (ValueError, RecursionError) as error:
        raise ValueError(f"not JSON ({error})") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"JSON has no {name}")


def _good_lines(path: Path, bad: list[RowError], errors: str) -> Iterator[str]:
    for _, line in numbered_lines(path, errors):
        if isinstance(line, RowError):
            bad.append(line)
        yield "\n" if isinstance(line, RowError) else line  # a blank line keeps the count right


def _up_to_first(lines: Iterator[str]) -> Iterator[str]:
    """The lines up to the first that is not blank."""
    for line in lines:
        yield line
        if line.strip():
            return


def _delimiter_of(head: list[str]) -> str:
    """The delimiter that cuts a header, the last of these lines, into most names."""
    header = head[-1].splitlines()[:1] if head else []
    return max(DELIMITERS, key=lambda one: len(next(csv.reader(header, delimiter=one, skipinitialspace=True), ())))


def _unquoted(cell: str) -> str:
    """The content of a cell of a TSV that is quoted as a whole; any other cell stays."""
    if cell.startswith('"') and cell.count('"') % 2:
        raise csv.Error("a quotation mark at the start of a cell is not closed")
    inner = cell[1:-1].replace('""', "")
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' and '"' not in inner else cell


def _lines(path: Path, first: int, last: int) -> str:
    return f"{path}, line {first}" if last <= first else f"{path}, lines {first} to {last}"


def _checked_header(path: Path, cells: list[str], columns: tuple[str, ...], number_repeated: bool) -> list[str]:
    """The names of the columns; the second `x` as `x.1`, the third as `x.2`, with `number_repeated`."""
    names = [cell.lower() for cell in cells]
    if number_repeated:
        names = [
            f"{name}.{names[:place].count(name)}" if name and name in names[:place] else name
            for place, name in enumerate(names)
        ]
    twice = next((name for name in names if name and names.count(name) > 1), None)
    if twice is not None:
        raise ValueError(f"{path} has several columns {twice!r}: rename all but one")
    for column in columns:
        if column not in names:
            known = ", ".join(repr(name) for name in names[:8] if name)
            raise ValueError(f"{path} has no column {column!r}{did_you_mean(column, names)} (it has {known})")
    return names
