"""Lines of text files whose content is not trusted: what is no UTF-8 or too long is refused, and the rest goes on."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAX_LINE_BYTES = 2**24
"""A longer line is refused unread: no caption is 16 MiB long."""
csv.field_size_limit(MAX_LINE_BYTES)  # a cell may be as long as a line, for whoever reads CSV


@dataclass(frozen=True)
class Refusal:
    """Something that could not be read.

    Attributes:
        where: File, and line or row where there is one.
        reason: What is wrong with it.
    """

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


def is_file(path: Path) -> bool:
    """Whether a path is that of a file; one that no file can have is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False


@dataclass(frozen=True)
class Place:
    """Where a line begins: its number from 1, and its first byte in the file from 0."""

    number: int = 1
    start: int = 0


START = Place()


def placed_lines(path: Path, first: Place = START) -> Iterator[tuple[Place, str | Refusal]]:
    """Yields the lines of a file from one on, each with its place, with line ends, without a byte order mark.

    At most 16 MiB of a line are ever in memory.

    Raises:
        FileNotFoundError: If there is no such file.
    """
    if not is_file(path):
        raise FileNotFoundError(f"{path} is no file: give one that exists")
    with path.open("rb") as file:
        file.seek(first.start)
        number = first.number
        while True:
            place = Place(number, file.tell())
            if not (line := file.readline(MAX_LINE_BYTES + 1)):
                break
            number += 1
            if len(line) > MAX_LINE_BYTES:
                while line and not line.endswith(b"\n"):
                    line = file.readline(MAX_LINE_BYTES)
                yield place, Refusal(f"{path}, line {place.number}", f"longer than {MAX_LINE_BYTES / 2**20:g} MiB")
                continue
            try:
                yield place, line.decode("utf-8-sig" if place.number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                reason = f"not UTF-8 (byte {error.start + 1} of the line): save the file in UTF-8"
                yield place, Refusal(f"{path}, line {place.number}", reason)


def numbered_lines(path: Path) -> Iterator[tuple[int, str | Refusal]]:
    """Yields the lines of a file with their numbers from 1; as `placed_lines` does otherwise."""
    for place, line in placed_lines(path):
        yield place.number, line
