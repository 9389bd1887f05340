"""`compa configs list`: the shipped training recipes."""

from __future__ import annotations

from collections.abc import Sequence

from compa.configs import recipes, summary
from compa.utils.arguments import CommandParser


def main(arguments: Sequence[str]) -> int:
    """Runs `compa configs list` and returns its exit code."""
    CommandParser(
        "compa configs list",
        "Lists the shipped training recipes, each with the first line of its header.",
        "compa configs list",
    ).parse_args(arguments)
    width = max(map(len, recipes()))
    for name, path in recipes().items():
        print(f"{name:{width}}  {summary(path)}")
    return 0
