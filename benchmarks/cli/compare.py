"""`compa bench compare`: two models, item by item."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cli.options import say
from compa.utils.arguments import CommandParser

SIDE = "result file, or model in --results; several seeds with commas between them, or with * in the name"


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    parser = CommandParser(
        "compa bench compare",
        "Compares two models on the items that both were measured on, by paired bootstrap and McNemar test.",
        "compa bench compare mine vanilla --results results/",
    )
    parser.add_argument("one", metavar="A", help=SIDE)
    parser.add_argument("other", metavar="B", help="the same for the other model")
    parser.add_argument("--results", metavar="DIR", type=Path, help="folder of results in which models are looked up")
    options = parser.parse_args(arguments)
    print_comparison(options.one, options.other, options.results)
    return 0


def print_comparison(one: str, other: str, results: Path | None) -> None:
    """Prints a table for each task that both sides were measured in.

    Raises:
        ValueError: If a side has no results, or there is no common task.
    """
    from benchmarks.results.compare import NOTE, by_task, comparison_table, find_side

    sides = [by_task(find_side(name, results)) for name in (one, other)]
    both = [task for task in sides[0] if task in sides[1]]
    if not both:
        found = [", ".join(side) for side in sides]
        raise ValueError(f"no task was measured on both sides: {one} has {found[0]}, {other} has {found[1]}")
    for task in both:
        print(comparison_table(sides[0][task], sides[1][task]), end="\n\n")
    print(NOTE)
    for task in sides[0].keys() ^ sides[1].keys():
        say(f"left out {task}: only {one if task in sides[0] else other} was measured in it")
