"""The report of a run: one web page, a pure function of what was found."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from compa.utils.files import write_whole
from compa.utils.page import fill
from negatives.postprocess import Inspection
from negatives.sample import Example


def write_report(
    path: Path,
    inspection: Inspection,
    examples: Sequence[Example],
    refused: Mapping[tuple[str, str], int] | None = None,
    notes: Sequence[tuple[str, str]] = (),
) -> None:
    """Writes the report as HTML; see `render`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, render(inspection, examples, refused, notes).encode())


def render(
    inspection: Inspection,
    examples: Sequence[Example],
    refused: Mapping[tuple[str, str], int] | None = None,
    notes: Sequence[tuple[str, str]] = (),
) -> str:
    """The report as HTML; every text in it is escaped.

    Args:
        inspection: Of the manifest.
        examples: Negatives to read.
        refused: Candidates that were refused when the negatives were made, by (kind, reason).
        notes: Further facts as (name, value), such as what a language model used.
    """
    reasons = Counter(refused or {})
    reasons.update(inspection.tally.refused)
    template = Path(__file__).with_name("report.html")
    return fill(template, found=inspection, examples=examples, reasons=sorted(reasons.items()), notes=notes)
