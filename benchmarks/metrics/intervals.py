"""95 % intervals of a fraction, for items that are independent and for items that share recordings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

WILSON = "Wilson"
BOOTSTRAP = "bootstrap over recordings"
NUM_REPLICATES = 2000
Z_95 = 1.959963984540054
"""The two-sided 95 % quantile of the normal distribution."""
_CHUNK_ENTRIES = 4_000_000  # of the weight matrix: tens of megabytes at a time for any number of items


class Interval(NamedTuple):
    """A 95 % interval and how it was computed."""

    low: float
    high: float
    method: str


def interval(outcomes: ArrayLike, recordings: Sequence[Sequence[str]]) -> Interval:
    """The 95 % interval of the fraction of items won, by the method that fits.

    Args:
        outcomes: Won or lost, shape (items,).
        recordings: The source recordings of each item.

    Returns:
        Wilson's interval where no two items share a recording, else the bootstrap over recordings.
    """
    names = [name for item in recordings for name in set(item)]
    if len(names) == len(set(names)):
        won = np.asarray(outcomes, dtype=np.float64)
        return wilson(float(won.mean()), len(won))
    return bootstrap(outcomes, recordings)


def wilson(fraction: float, number: float, z: float = Z_95) -> Interval:
    """Wilson's score interval (Wilson 1927), which is valid near 0 and 1 too, where the normal interval collapses.

    Not `scipy.stats.binomtest`: `bootstrap` needs it for numbers of items that are not integers.

    Args:
        fraction: The fraction of items won.
        number: The number of independent items.
        z: Quantile of the normal distribution; the default gives 95 %.

    Example:
        >>> tuple(round(end, 4) for end in wilson(0.8, 100)[:2])
        (0.7112, 0.8666)
    """
    centre = fraction + z**2 / (2 * number)
    half_width = z * np.sqrt(fraction * (1 - fraction) / number + z**2 / (4 * number**2))
    low, high = ((centre + sign * half_width) / (1 + z**2 / number) for sign in (-1, 1))
    return Interval(float(min(max(low, 0.0), fraction)), float(max(min(high, 1.0), fraction)), WILSON)


def bootstrap(outcomes: ArrayLike, recordings: Sequence[Sequence[str]], seed: int = 0) -> Interval:
    """The 95 % interval of a fraction of items that share recordings, each item being made of one or more.

    Written here because no library draws crossed clusters; `scipy.stats.bootstrap` draws single items.

    1. Pigeonhole bootstrap (McCullagh 2000; Owen 2007): recordings are drawn with replacement, an item counts
       as often as the product of its recordings' counts, and the fraction is computed with these counts. The
       variance over 2,000 such draws accounts for recordings, but contains the part specific to an item of k
       recordings 2^k - 1 times (McCullagh: no bootstrap of crossed samples is exact), so that its plain
       intervals cover about 99 % instead of 95 %.
    2. That excess is known: (2^k - 2) times the squared sum of residuals of each set of recordings. It is
       subtracted, which leaves the multi-way cluster-robust variance of Cameron, Gelbach and Miller (2011),
       but never less than the variance of independent items.
    3. The interval is Wilson's for the number of independent items that would have this variance, with
       Student's quantile for one degree of freedom less than there are recordings.

    Labels are not resampled: the interval is about new recordings of the same labels. Where all items agree,
    or all share one recording, the effect of recordings cannot be estimated, and items count as independent.

    Args:
        outcomes: Won or lost, shape (items,).
        recordings: The source recordings of each item; an item without any is independent of all others.
        seed: Of the draws.
    """
    won = np.asarray(outcomes, dtype=np.float64)
    if len(won) != len(recordings) or not len(won):
        raise ValueError(f"outcomes and recordings must be one each; got {len(won)} and {len(recordings)}")
    fraction = float(won.mean())
    members, num_recordings = _index(recordings)
    independent = fraction * (1 - fraction) / len(won)
    if not independent or num_recordings < 2:
        return wilson(fraction, len(won))._replace(method=BOOTSTRAP)
    replicates = _replicates(won, members, num_recordings, np.random.default_rng(seed))
    variance = max(float(replicates.var()) - _surplus(won - fraction, members, num_recordings), independent)
    degrees = num_recordings - 1
    return wilson(fraction, fraction * (1 - fraction) / variance, student(degrees))._replace(method=BOOTSTRAP)


def variance_of_mean(values: ArrayLike, recordings: Sequence[Sequence[str]], seed: int = 0) -> tuple[float, float]:
    """The variance of a mean over items by the bootstrap, and its degrees of freedom.

    Args:
        values: One per item, such as the difference of two models on it.
        recordings: The source recordings of each item. If no two items share one, items are drawn; else recordings,
            as in `bootstrap`.
        seed: Of the draws.
    """
    array = np.asarray(values, dtype=np.float64)
    names = [name for item in recordings for name in set(item)]
    shared = recordings if len(names) > len(set(names)) else [[]] * len(array)
    members, num_recordings = _index(shared)
    if num_recordings < 2:
        return 0.0, 1.0
    replicates = _replicates(array, members, num_recordings, np.random.default_rng(seed))
    variance = float(replicates.var()) - _surplus(array - array.mean(), members, num_recordings)
    return max(variance, float(array.var()) / len(array)), float(num_recordings - 1)


def student(degrees: float) -> float:
    """The two-sided 95 % quantile of Student's distribution.

    Example:
        >>> [round(student(degrees), 2) for degrees in (1, 2, 10, 1000)]
        [12.71, 4.3, 2.23, 1.96]
    """
    from scipy.special import stdtrit  # imported here: few users of this module need it, and it takes time

    return float(stdtrit(degrees, 0.975))


def _index(recordings: Sequence[Sequence[str]]) -> tuple[NDArray[np.int64], int]:
    """Numbers of each item's recordings, shape (items, most recordings of an item), padded; and how many there are."""
    sets = [sorted(set(item)) or [f"\0{number}"] for number, item in enumerate(recordings)]
    numbers = {name: number for number, name in enumerate(sorted({name for item in sets for name in item}))}
    members = np.full((len(sets), max(map(len, sets))), len(numbers))
    for row, item in zip(members, sets, strict=True):
        row[: len(item)] = [numbers[name] for name in item]
    return members, len(numbers)


def _replicates(
    won: NDArray[np.float64], members: NDArray[np.int64], num_recordings: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """The fraction won in each draw of recordings."""
    rows = max(1, _CHUNK_ENTRIES // len(won))
    fractions = []
    for start in range(0, NUM_REPLICATES, rows):
        draws = min(rows, NUM_REPLICATES - start)
        counts = rng.multinomial(num_recordings, np.full(num_recordings, 1 / num_recordings), size=draws)
        counts = np.hstack([counts, np.ones((draws, 1), dtype=counts.dtype)])  # the padding changes no product
        weights = counts[:, members[:, 0]].astype(np.float64)
        for column in members.T[1:]:
            weights *= counts[:, column]
        total = weights.sum(axis=1)
        fractions.append((weights @ won)[total > 0] / total[total > 0])  # a draw can miss every item of a tiny task
    return np.concatenate(fractions)


def _surplus(residuals: NDArray[np.float64], members: NDArray[np.int64], num_recordings: int) -> float:
    """How much too large the variance of the replicates is."""
    sets, of_item = np.unique(members, axis=0, return_inverse=True)
    summed = np.bincount(of_item.ravel(), weights=residuals)
    times = 2.0 ** (sets < num_recordings).sum(axis=1) - 2
    return float((times * summed**2).sum()) / len(residuals) ** 2
