"""The report of a run: one web page, a pure function of what was found; every text in it is escaped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jinja2

from negatives.blind import Blindness
from negatives.generate import Tally
from negatives.sample import Item


@dataclass(frozen=True)
class Page:
    """What the page tells.

    Attributes:
        tally: Of the run that made the negatives, if it was this one.
        before: The blind check before balancing; empty where there was none.
        after: The blind check of what is left.
        dropped: Negatives that balancing dropped, by kind.
        examples: Negatives to read.
        notes: Further facts as (name, value), such as what a language model cost.
    """

    tally: Tally | None
    before: Sequence[Blindness]
    after: Sequence[Blindness]
    dropped: Counter[str]
    examples: Sequence[Item]
    notes: Sequence[tuple[str, str]] = ()


def write_page(path: Path, page: Page) -> None:
    """Writes the page; it appears only when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(render(page), encoding="utf-8")
    partial.replace(path)


def render(page: Page) -> str:
    """The page as HTML."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        page=page,
        before={found.kind: found.auc for found in page.before},
        reasons=sorted(page.tally.refused.items()) if page.tally else (),
    )
