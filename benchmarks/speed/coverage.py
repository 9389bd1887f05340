"""How often 95 % intervals hold the true score, in simulation: `python -m benchmarks.speed.coverage`.

A model has a true score: the share of all possible items that it would win. Items are of one or two recordings each;
where items share recordings, half of what decides an item comes from these. The bootstrap knows nothing of that share.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from benchmarks.metrics.intervals import interval

SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHARE = 0.5


@dataclass(frozen=True)
class Design:
    """How items are made of recordings.

    Attributes:
        name: What it is called.
        items: How many there are.
        recordings: How many are drawn from; 0 gives every item its own.
        of_each: Recordings of an item.
    """

    name: str
    items: int
    recordings: int = 0
    of_each: int = 2


DESIGNS = (
    Design("200 items of their own", 200),
    Design("400 items of their own", 400),
    Design("1,000 items of their own", 1000),
    Design("400 items, one of 100 recordings each", 400, 100, 1),
    Design("400 items, two of 100 recordings each", 400, 100),
    Design("400 items, two of 400 recordings each", 400, 400),
)


def coverage(design: Design, score: float, num_models: int, seed: int = 0) -> float:
    """The share of simulated models whose interval holds their true score.

    Args:
        design: Of the items.
        score: The true score.
        num_models: How many to simulate.
        seed: Of all draws.
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
            margin = np.sqrt(SHARE / design.of_each) * skill[members].sum(axis=1)
            margin += np.sqrt(1 - SHARE) * rng.normal(size=design.items)
            names: list[list[str]] = [[str(number) for number in item] for item in members.tolist()]
        else:
            margin, names = rng.normal(size=design.items), [[str(number)] for number in range(design.items)]
        low, high, _ = interval(margin > threshold, names)
        held += low <= score <= high
    return held / num_models


def main(arguments: Sequence[str] | None = None) -> None:
    """Simulates and prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", type=int, default=2000, help="simulated for each figure; default: %(default)s")
    options = parser.parse_args(arguments)
    print("| true score | " + " | ".join(f"{score:g}" for score in SCORES) + " |")
    print("| --- |" + " ---: |" * len(SCORES))
    for design in DESIGNS:
        shares = (f"{coverage(design, score, options.models):.1%}" for score in SCORES)
        print(f"| {design.name} | {' | '.join(shares)} |", flush=True)


if __name__ == "__main__":
    main()
