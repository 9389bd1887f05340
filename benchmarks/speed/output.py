"""What the measuring commands share: their options, and how they print tables."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable, Sequence
from pathlib import Path

from compa.utils.arguments import CommandParser, non_negative_float


def measuring_parser(
    name: str, description: str | None, parts: Sequence[str] = (), seconds: float = 0, needs: str = ""
) -> CommandParser:
    """Makes the parser of a command `python -m benchmarks.speed.NAME`.

    Args:
        name: Name of the module.
        description: What the command measures.
        parts: Parts that can be measured alone; adds `--only`.
        seconds: Default time for a table; adds `--seconds`.
        needs: Required arguments, for the example.
    """
    command = f"python -m benchmarks.speed.{name}"
    parser = CommandParser(command, description or "", f"{command}{needs} --out tables.md")
    if parts:
        parser.add_argument("--only", choices=parts, action="append", help="measure this part only; can be repeated")
    if seconds:
        parser.add_argument("--seconds", type=non_negative_float, default=seconds, help="time for each table")
    parser.add_argument("--out", metavar="FILE", type=Path, help="also write the tables to this file, in Markdown")
    return parser


def machine() -> str:
    """The processor, its cores and their load, for the head of a table."""
    return f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def print_tables(lines: Iterable[str], out: Path | None) -> None:
    """Prints lines as they are measured, and writes those so far to a file, in case a later measurement fails."""
    printed: list[str] = []
    for line in lines:
        print(line, flush=True)
        printed.append(line)
        if out:
            out.write_text("\n".join(printed) + "\n", encoding="utf-8")
