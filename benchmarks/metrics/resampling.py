"""95 % intervals of values that are not a fraction of items won: AUC, mean average precision, a median rank.

`benchmarks.metrics.intervals` has those of fractions. Written here since `scipy.stats.bootstrap` draws no clusters.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.metrics.intervals import Z_95, Interval, wilson

JACKKNIFE = "infinitesimal jackknife over {}"
RESAMPLED = "bootstrap over clips"
NUM_REPLICATES = 1000
_CHUNK_ENTRIES = 4_000_000

Floats = NDArray[np.float64]


def jackknife(
    value: float, influence: ArrayLike, recordings: Sequence[Sequence[str]], what: str = "recordings"
) -> Interval:
    """The interval of a value in [0, 1] that is smooth in the weights of its items.

    The variance is the sum of the products of influences over all pairs of items that share a recording, which is
    robust to two-way clustering (Cameron, Gelbach and Miller 2011), and never below that of independent items.

    Args:
        value: The value.
        influence: For each item the derivative of the value with respect to the item's weight, times that weight.
        recordings: The source recordings of each item; an item without any is independent of all others.
        what: What the clusters are, for the name of the method.
    """
    method = JACKKNIFE.format(what)
    change = np.asarray(influence, dtype=np.float64)
    if len(change) != len(recordings) or not len(change):
        raise ValueError(f"{len(change)} influences with the recordings of {len(recordings)} items: one each")
    sets = [frozenset(item) or frozenset([f"\0{number}"]) for number, item in enumerate(recordings)]
    numbers = {name: number for number, name in enumerate(dict.fromkeys(name for item in sets for name in item))}
    of_recording, of_set = np.zeros(len(numbers)), dict.fromkeys(sets, 0.0)
    for item, amount in zip(sets, change.tolist(), strict=True):
        of_set[item] += amount
        for name in item:
            of_recording[numbers[name]] += amount
    shared = float(of_recording @ of_recording) - sum((len(item) - 1) * sum_**2 for item, sum_ in of_set.items())
    half_width = Z_95 * float(np.sqrt(max(shared, float(change @ change))))
    if half_width < 1e-9:  # all items agree, which does not make the value exact
        return wilson(value, len(numbers))._replace(method=method)
    return Interval(max(0.0, value - half_width), min(1.0, value + half_width), method)


def resampled_mean(values: ArrayLike, clusters: Sequence[str]) -> Interval:
    """The percentile interval of a mean of values in [0, 1], by drawing clusters with replacement.

    Args:
        values: One per query.
        clusters: What each query belongs to, such as its clip's source; queries of a cluster are drawn together.
    """
    array = np.asarray(values, dtype=np.float64)
    if float(array.min()) == float(array.max()) and 0.0 <= array[0] <= 1.0:
        return wilson(float(array[0]), len(set(clusters)))._replace(method=RESAMPLED)
    return _resampled(lambda weights: weights @ array / weights.sum(axis=1), clusters)


def resampled_median(values: ArrayLike, clusters: Sequence[str]) -> Interval:
    """The interval of a median; see `resampled_mean`."""
    array = np.asarray(values, dtype=np.float64)
    order = np.argsort(array, kind="stable")
    ordered = array[order]

    def median(weights: Floats) -> Floats:
        reached = np.cumsum(weights[:, order], axis=1)
        half = reached[:, -1:] / 2
        lower, upper = (reached < half).sum(axis=1), (reached <= half).sum(axis=1)
        return np.asarray((ordered[lower] + ordered[np.minimum(upper, len(ordered) - 1)]) / 2)

    return _resampled(median, clusters)


def _resampled(statistic: Callable[[Floats], Floats], clusters: Sequence[str]) -> Interval:
    """Percentiles of a statistic of weights (draws, values) over draws of clusters with replacement."""
    _, of_value = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    num_clusters = int(of_value.max()) + 1
    rng = np.random.default_rng(0)
    rows = max(1, _CHUNK_ENTRIES // len(of_value))
    drawn = []
    for start in range(0, NUM_REPLICATES, rows):
        draws = min(rows, NUM_REPLICATES - start)
        counts = rng.multinomial(num_clusters, np.full(num_clusters, 1 / num_clusters), size=draws)
        drawn.append(statistic(counts[:, of_value].astype(np.float64)))
    low, high = np.percentile(np.concatenate(drawn), [2.5, 97.5])
    return Interval(float(low), float(high), RESAMPLED)
