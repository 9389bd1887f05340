"""The report of a run: one web page, a pure function of what was found; every text in it is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from compa.utils.files import write_whole
from compa.utils.page import fill
from negatives.checks.text_leak import TextLeak
from negatives.pipeline import Tally
from negatives.sample import Item


@dataclass(frozen=True)
class Page:
    """What the page tells.

    Attributes:
        tally: What the manifest holds, and what was refused or dropped.
        before: The blind check before balancing, by kind; empty where there was none.
        after: The blind check of what is left.
        examples: Negatives to read.
        notes: Further facts as (name, value), such as what a language model cost.
    """

    tally: Tally
    before: Mapping[str, TextLeak]
    after: Sequence[TextLeak]
    examples: Sequence[Item]
    notes: Sequence[tuple[str, str]] = ()


def write_page(path: Path, page: Page) -> None:
    """Writes the page; it appears only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(page).encode())


def render(page: Page) -> str:
    """The page as HTML."""
    return fill(Path(__file__).with_name("report.html"), page=page, reasons=sorted(page.tally.refused.items()))
