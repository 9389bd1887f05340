"""Two models on the same items: how much they differ, and whether that could be chance."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from benchmarks.metrics.intervals import student, variance_of_mean


class Difference(NamedTuple):
    """A difference of two scores and its 95 % interval."""

    value: float
    low: float
    high: float


def paired_difference(one: ArrayLike, other: ArrayLike, recordings: Sequence[Sequence[str]]) -> Difference:
    """The mean difference of two models on the same items, each trained and measured with one or several seeds.

    Items, or the recordings that they share, are drawn with replacement, both models' outcomes of an item together
    (`variance_of_mean`). The variance is at least that of the counts with half an item added to each of: won by both,
    by the first, by the second, by neither (Agresti and Min 2005), so that models that agree on all items still get an
    interval. Seeds are too few to be drawn: the variance of a side's scores over its seeds, divided by their number,
    is added, with Student's quantile for the degrees of freedom of the sum (Welch-Satterthwaite). The interval is thus
    about new items and new seeds.

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
    """The two-sided p-value of the exact McNemar test.

    The null hypothesis is that an item which only one model wins is won by either with probability 1/2.

    Args:
        only_one: Number of items that only the first model wins.
        only_other: Number of items that only the second model wins.

    Example:
        >>> mcnemar(1, 8)
        0.0390625
    """
    from scipy.stats import binomtest  # imported here: it takes half a second, and only comparisons need it

    number = only_one + only_other
    return float(binomtest(only_one, number).pvalue) if number else 1.0
