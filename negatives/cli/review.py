"""`compa negatives review`: what reviewers answered."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from compa.utils.arguments import CommandParser


def main(arguments: Sequence[str]) -> int:
    """Runs the command and returns the exit code.

    Raises:
        ValueError: If a table is not a review sheet or has no answers.
        FileNotFoundError: If there is no such file.
    """
    parser = CommandParser(
        "compa negatives review",
        "Reads review sheets, as --review-sheet of `compa negatives generate` and `check` writes them, with y or n in "
        "the columns `false` (of the caption) and `fluent`, and prints how many negatives are false and fluent. The "
        "sheets of two reviewers also give their agreement.",
        "compa negatives review ann.csv bob.csv",
    )
    parser.add_argument("sheets", metavar="CSV", type=Path, nargs="+", help="filled review sheets")
    options = parser.parse_args(arguments)
    from negatives.review import read_review_sheets, summary

    print(summary(read_review_sheets(options.sheets)))
    return 0
