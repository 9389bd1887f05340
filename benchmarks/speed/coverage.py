"""Simulates how often 95 % intervals contain the true score: `python -m benchmarks.speed.coverage`.

A model's true score is the fraction of all possible items that it wins. An item has one or two recordings. Where items
share recordings, these account for half of the variance of an item's margin, which the bootstrap does not know.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from benchmarks.metrics.intervals import interval
from benchmarks.speed.output import measuring_parser, print_tables
from compa.utils.arguments import positive_int

SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FROM_RECORDINGS = 0.5
"""Fraction of the variance of a margin that comes from the recordings."""


@dataclass(frozen=True)
class Design:
    """How items are made of recordings.

    Attributes:
        name: Name for the table.
        items: Number of items.
        recordings: Number of recordings to draw from; 0 gives every item recordings of its own.
        of_each: Recordings of each item.
    """

    name: str
    items: int
    recordings: int = 0
    of_each: int = 2


DESIGNS = (
    Design("200 independent items", 200),
    Design("400 independent items", 400),
    Design("1,000 independent items", 1000),
    Design("400 items, one of 100 recordings each", 400, 100, 1),
    Design("400 items, two of 100 recordings each", 400, 100),
    Design("400 items, two of 400 recordings each", 400, 400),
)


def coverage(design: Design, score: float, num_models: int, seed: int = 0) -> float:
    """The fraction of simulated models whose interval contains their true score.

    Args:
        design: How the items are made.
        score: The true score.
        num_models: Number of models to simulate.
        seed: Seed of all random draws.
    """
    rng = np.random.default_rng([seed, round(1000 * score), design.items, design.recordings, design.of_each])
    threshold = NormalDist().inv_cdf(1 - score)
    held = 0
    for _ in range(num_models):
        if design.recordings:
            first = rng.integers(design.recordings, size=design.items)
            further = (first + rng.integers(1, design.recordings, size=design.items)) % design.recordings
            members = np.stack([first, further], axis=1)[:, : design.of_each]
            skill = rng.normal(size=design.recordings)
            margin = np.sqrt(FROM_RECORDINGS / design.of_each) * skill[members].sum(axis=1)
            margin += np.sqrt(1 - FROM_RECORDINGS) * rng.normal(size=design.items)
            names: list[list[str]] = [[str(number) for number in item] for item in members.tolist()]
        else:
            margin, names = rng.normal(size=design.items), [[str(number)] for number in range(design.items)]
        low, high, _ = interval(margin > threshold, names)
        held += low <= score <= high
    return held / num_models


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulates and prints a table."""
    parser = measuring_parser("coverage", __doc__)
    parser.add_argument("--models", metavar="N", type=positive_int, default=2000, help="models simulated a figure")
    options = parser.parse_args(arguments)
    print_tables(_table(options.models), options.out)


def _table(num_models: int) -> Iterator[str]:
    yield "| true score | " + " | ".join(f"{score:g}" for score in SCORES) + " |"
    yield "| --- |" + " ---: |" * len(SCORES)
    for design in DESIGNS:
        fractions = (f"{coverage(design, score, num_models):.1%}" for score in SCORES)
        yield f"| {design.name} | {' | '.join(fractions)} |"


if __name__ == "__main__":
    main()
