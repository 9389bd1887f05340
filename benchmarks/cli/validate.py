"""`compa bench validate`: checks result files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.cli.options import say
from compa.utils.arguments import CommandParser


def main(arguments: Sequence[str]) -> int:
    """Runs the command with the arguments after its name; returns the exit code."""
    parser = CommandParser(
        "compa bench validate",
        "Checks the form of result files, and their metrics against their items.",
        "compa bench validate results/",
    )
    parser.add_argument("results", type=Path, metavar="PATH", nargs="+", help="result files, or folders of them")
    return 0 if print_flaws(parser.parse_args(arguments).results) else 1


def print_flaws(paths: Sequence[Path]) -> bool:
    """Prints what is wrong with result files; returns whether all are valid.

    Args:
        paths: Files, and folders of files.
    """
    from benchmarks.results.validate import flaws, result_files

    files = result_files(paths)
    bad = {path: found for path in files if (found := flaws(path))}
    for path, found in bad.items():
        for flaw in found:
            say(f"{path}: {flaw}")
    print(f"{len(files) - len(bad)} of {len(files)} results are valid")
    return not bad
