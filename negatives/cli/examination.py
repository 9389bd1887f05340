"""What `compa negatives generate` and `compa negatives check` do with a manifest once the negatives are there."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from compa.utils.arguments import positive_int
from negatives.postprocess import Inspection


def add_examination_options(parser: argparse.ArgumentParser) -> None:
    """Adds what can be done with a manifest once the negatives are there."""
    add = parser.add_argument
    add(
        "--balance",
        action="store_true",
        help="drop negatives until a classifier of words separates no kind from its captions with an AUC above 0.60; "
        "drop all of a kind of which too few would be left to measure",
    )
    add("--report", type=Path, metavar="HTML", help="write counts, text leak, telltale words and examples as a page")
    add("--review-sheet", type=Path, metavar="CSV", help="write examples to a table for people to review")
    add("--examples", type=positive_int, metavar="N", default=200, help="examples in the report and the review sheet")


def write_outputs(
    found: Inspection,
    report: Path | None,
    review_sheet: Path | None,
    num_examples: int,
    seed: int,
    refused: Mapping[tuple[str, str], int] | None = None,
    notes: Sequence[tuple[str, str]] = (),
) -> None:
    """Writes the report and the review sheet where they are wanted, and prints warnings about balancing on stderr."""
    examples = found.sample.stratified(num_examples, seed)
    if report:
        from negatives.report import write_report

        write_report(report, found, examples, refused, notes)
    if review_sheet:
        from negatives.review import write_review_sheet

        write_review_sheet(review_sheet, examples)
    for warning in found.warnings() if found.leaks_before else ():
        print(f"compa: {warning}", file=sys.stderr)
