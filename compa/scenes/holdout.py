"""Which label pairs are never trained on: a stable hash of names decides, whatever the seed.

The demo, `fit` and `bench` agree on it without passing anything on, so a score on held-out pairs is always one on
combinations that the model has never heard.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable
from itertools import combinations, count

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

    At least 15 % of all pairs and at least 8, but never more than half of them. The choice is balanced: no label is
    held out much more often than another, and each keeps a partner to train with.

    Args:
        labels: The labels of an event bank, at least 3 different ones.

    Returns:
        Sorted pairs `(a, b)` with `a < b`.

    Raises:
        ValueError: With fewer than 3 labels: then no pair can be held out.
    """
    pairs = label_pairs(labels)
    num_labels = len({label for pair in pairs for label in pair})
    if num_labels < 3:
        raise ValueError(f"{num_labels or 1} label(s) cannot be combined in unseen pairs: give at least 3 labels")
    wanted = min(max(MIN_PAIRS, math.ceil(MIN_SHARE * len(pairs))), len(pairs) // 2)
    by_hash = sorted(pairs, key=lambda pair: stable_hash("held-out pair", *pair))
    uses: Counter[str] = Counter()
    chosen: set[tuple[str, str]] = set()
    for most_uses in count(1):  # rounds: a label gets its n-th held-out pair only when no fresher pair is left
        for pair in by_hash:
            if len(chosen) == wanted:
                return frozenset(chosen)
            if max(uses[pair[0]], uses[pair[1]]) < most_uses and pair not in chosen:
                uses.update(pair)
                chosen.add(pair)
    raise AssertionError("count() never ends")


def training_pairs(labels: Iterable[str]) -> list[tuple[str, str]]:
    """The label pairs that training may combine, sorted."""
    held_out = held_out_pairs(labels)
    return [pair for pair in label_pairs(labels) if pair not in held_out]
