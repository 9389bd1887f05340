"""Tables as they are measured: on the terminal, and in a file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def tell(lines: Iterable[str], out: Path | None) -> None:
    """Prints lines and writes them to a file, one by one: what was measured is there if the rest fails."""
    told: list[str] = []
    for line in lines:
        print(line, flush=True)
        told.append(line)
        if out:
            out.write_text("\n".join(told) + "\n", encoding="utf-8")
