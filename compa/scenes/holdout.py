"""Which label pairs are never trained on: a stable hash of names decides, whatever the seed.

The demo, `fit` and `bench` agree on it without passing anything on, so a score on held-out pairs is always one on
combinations that the model has never heard.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from itertools import combinations, islice, product

MIN_SHARE = 0.15
MIN_PAIRS = 8


def stable_hash(*parts: object) -> int:
    """A 64-bit hash that is the same in every process and on every machine."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def label_pairs(labels: Iterable[str]) -> list[tuple[str, str]]:
    """All unordered pairs of different labels, each sorted."""
    return list(combinations(sorted(set(labels)), 2))


def held_out_pairs(labels: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Chooses the label pairs that only tests may combine.

    At least 15 % of all pairs and at least 8, but never more than half of them. The labels stand in a circle in the
    order of their hashes, and neighbours are held out, then the next but one, and so on; so the numbers of held-out
    pairs that two labels are part of differ by one at the most.

    Args:
        labels: The labels of an event bank, at least 3 different ones.

    Returns:
        Sorted pairs `(a, b)` with `a < b`.

    Raises:
        ValueError: With fewer than 3 labels: then no pair can be held out.
    """
    circle = sorted(set(labels), key=lambda label: stable_hash("held-out pairs", label))
    if len(circle) < 3:
        raise ValueError(f"{len(circle)} label(s) cannot be combined in unseen pairs: give at least 3 labels")
    num_pairs = math.comb(len(circle), 2)
    wanted = min(max(MIN_PAIRS, math.ceil(MIN_SHARE * num_pairs)), num_pairs // 2)
    return frozenset((min(pair), max(pair)) for pair in islice(_by_distance(circle), wanted))


def _by_distance(circle: list[str]) -> Iterator[tuple[str, str]]:
    """All pairs, the nearest ones first; among those of one distance, such that all labels get their turn.

    Steps of one distance run through the circle in cycles. Of each cycle every second step comes first, so that no
    label is used twice, then the step that closes a cycle of odd length, then the others.
    """
    size = len(circle)
    for distance in range(1, (size + 1) // 2):
        num_cycles = math.gcd(size, distance)
        length = size // num_cycles
        even, closing, odd = (
            range(0, length - 1, 2),
            range(length - 1, length * (length % 2)),
            range(1, length, 2),
        )
        for steps, start in product((even, closing, odd), range(num_cycles)):
            for step in steps:
                yield circle[(start + step * distance) % size], circle[(start + (step + 1) * distance) % size]
    if size % 2 == 0:
        yield from zip(circle[: size // 2], circle[size // 2 :], strict=True)


def training_pairs(labels: Iterable[str]) -> list[tuple[str, str]]:
    """The label pairs that training may combine, sorted."""
    held_out = held_out_pairs(labels)
    return [pair for pair in label_pairs(labels) if pair not in held_out]
