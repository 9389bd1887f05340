"""The order of samples: a pure function of seed and epoch, with no trace of ranks, workers or shards."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]


class Order:
    """Says which samples batch k holds, for k counted over all epochs.

    Each source is an endless sequence of shuffles of its clips. Every epoch uses the same number of clips of each
    source, mixed with those of the others, from where the epoch before stopped; what does not fill a batch at the end
    is left out.

    Where any clip has a twin, clips are drawn in pairs: twins, or two single clips that were drawn next to each other.
    So twins stay together if the batch size per rank is even.

    Args:
        twins: For each source, the row of every clip's twin or -1.
        batch_size: Clips a batch.
        seed: Two orders of the same seed are the same.
        weights: How much of an epoch comes from each source; with None every clip comes once an epoch.

    Raises:
        ValueError: If twins do not fit the batch, a weight is not positive, or there are too few clips for one batch.
    """

    def __init__(
        self, twins: Sequence[Rows], batch_size: int, seed: int = 0, weights: Sequence[float] | None = None
    ) -> None:
        self.batch_size = batch_size
        self.seed = seed
        self.has_twins = any(bool((rows >= 0).any()) for rows in twins)
        self.unit_size = 2 if self.has_twins else 1
        if batch_size < self.unit_size or batch_size % self.unit_size:
            above = batch_size + 1 if batch_size > 0 else self.unit_size
            raise ValueError(
                f"batch_size must be a positive multiple of {self.unit_size}; got {batch_size}: use {above}"
            )
        self._twins = [_numbers(rows) for rows in twins]
        self._pairs = [_pairs(rows) if self.has_twins else rows[:0].reshape(0, 1) for rows in self._twins]
        sizes = np.array([self._num_units(source) for source in range(len(twins))])
        self._sizes = sizes
        self._counts = sizes if weights is None else _counts_by_weight(int(sizes.sum()), weights, sizes)
        self.num_batches = int(self._counts.sum()) * self.unit_size // batch_size
        if not self.num_batches:
            clips = sum(map(len, twins))
            raise ValueError(f"{clips} clips are too few for one batch of {batch_size}: use a smaller one")
        self._cached: tuple[int, Rows, Rows] | None = None

    def batch(self, number: int) -> tuple[Rows, Rows]:
        """What batch `number` holds: for every clip its source, and its row there, (batch_size,) each."""
        epoch, index = divmod(number, self.num_batches)
        if self._cached is None or self._cached[0] != epoch:
            self._cached = (epoch, *self._epoch(epoch))
        _, sources, rows = self._cached
        part = slice(index * self.batch_size, (index + 1) * self.batch_size)
        return sources[part], rows[part]

    def _epoch(self, epoch: int) -> tuple[Rows, Rows]:
        sources = np.repeat(np.arange(len(self._counts)), self._counts)
        if len(self._counts) > 1:
            sources = np.random.default_rng([self.seed, epoch, 1]).permutation(sources)
        units = np.empty((len(sources), self.unit_size), np.int64)
        for source, count in enumerate(self._counts):
            units[sources == source] = self._units(source, epoch * int(count), int(count))
        return np.repeat(sources, self.unit_size), units.reshape(-1)

    def _units(self, source: int, start: int, count: int) -> Rows:
        """A piece of a source's endless sequence of shuffles."""
        size = int(self._sizes[source])
        first, last = start // size, (start + count - 1) // size
        shuffles = [self._shuffle(source, number) for number in range(first, last + 1)]
        return np.concatenate(shuffles)[start - first * size :][:count]

    def _shuffle(self, source: int, number: int) -> Rows:
        rng = np.random.default_rng([self.seed, number, 0, source])
        singles = rng.permutation(np.flatnonzero(self._twins[source] < 0))
        singles = singles[: len(singles) // self.unit_size * self.unit_size].reshape(-1, self.unit_size)
        return rng.permutation(np.concatenate([self._pairs[source], singles])) if self.has_twins else singles

    def _num_units(self, source: int) -> int:
        num_singles = int((self._twins[source] < 0).sum())
        return len(self._pairs[source]) + num_singles // self.unit_size


def _numbers(rows: Rows) -> Rows:
    return np.ascontiguousarray(rows, dtype=np.int64)


def _pairs(twins: Rows) -> Rows:
    """Every two clips that are each other's twins, (pairs, 2)."""
    first = np.flatnonzero(twins > np.arange(len(twins)))
    return np.stack([first, twins[first]], axis=1)


def _counts_by_weight(total: int, weights: Sequence[float], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many units of an epoch come from each source."""
    if len(weights) != len(sizes) or not all(np.isfinite(weights)) or min(weights) <= 0:
        raise ValueError(f"weights must be {len(sizes)} positive numbers, one for each source; got {list(weights)}")
    if not sizes.all():
        raise ValueError(f"source {int(np.argmin(sizes))} holds too few clips: leave it out")
    return np.maximum(np.round(total * np.asarray(weights) / sum(weights)).astype(np.int64), 1)
