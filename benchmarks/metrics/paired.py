"""Two models on the same items: by how much they differ, and whether that could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb, sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.metrics.intervals import student, variance_of_mean

METHOD = "paired bootstrap"


class Difference(NamedTuple):
    """A difference of two scores and its 95 % interval."""

    value: float
    low: float
    high: float


def paired_difference(one: ArrayLike, other: ArrayLike, recordings: Sequence[Sequence[str]]) -> Difference:
    """The mean difference of two models on the same items, each trained and measured with one or several seeds.

    Items, or the recordings that they share, are drawn with replacement, both models' outcomes of an item together
    (`variance_of_mean`). The variance is never taken below that of the counts with half an item added to each of won
    by both, by one, by the other and by none (Agresti and Min 2005), so that models that agree on all items are not
    called equal for sure. Seeds are few, so they are not drawn: the variance of a side's scores over its seeds, divided
    by their number, is added, with Student's quantile for the degrees of freedom of the sum (Welch-Satterthwaite). The
    interval thus speaks of new items and new seeds.

    Args:
        one: Outcomes of the first model, shape (seeds, items).
        other: Those of the second one, shape (seeds, items).
        recordings: The source recordings of each item.

    Returns:
        The first one's score minus the second one's.
    """
    sides = [np.asarray(side, dtype=np.float64) for side in (one, other)]
    differences = sides[0].mean(axis=0) - sides[1].mean(axis=0)
    value, num_items = float(differences.mean()), len(differences)
    variance, degrees = variance_of_mean(differences, recordings)
    counted = num_items + 2
    least = ((float(np.square(differences).sum()) + 1) / counted - float(differences.sum() / counted) ** 2) / counted
    parts = [(max(variance, least), degrees)]
    parts += [(float(side.mean(axis=1).var(ddof=1)) / len(side), len(side) - 1.0) for side in sides if len(side) > 1]
    total = sum(part for part, _ in parts)
    freedom = total**2 / sum(part**2 / own for part, own in parts)
    half_width = student(freedom) * sqrt(total)
    return Difference(value, max(value - half_width, -1.0), min(value + half_width, 1.0))


def mcnemar(only_one: int, only_other: int) -> float:
    """The two-sided p of the exact McNemar test: that an item which one model alone wins is either's with chance 1/2.

    Args:
        only_one: Items that the first model wins and the second one loses.
        only_other: Those that it is the other way round for.

    Example:
        >>> mcnemar(1, 8)
        0.0390625
    """
    number, fewer = only_one + only_other, min(only_one, only_other)
    if only_one == only_other:
        return 1.0
    return 2 * sum(comb(number, count) for count in range(fewer + 1)) / (1 << number)
