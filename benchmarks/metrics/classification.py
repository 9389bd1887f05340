"""Metrics of zero-shot classification: pure functions of a matrix of scores (clips, labels), and their chance.

A tie is a loss: a clip is correct if its label scores strictly higher than every other, and a true clip ranks behind
the false ones of equal score.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Estimate:
    """A value, the influence of each clip on it (see `resampling.jackknife`), and of each label if it is a mean."""

    value: float
    influence: Floats
    of_labels: Floats = field(default_factory=lambda: np.zeros(0))


def hits(scores: Floats, labels: NDArray[np.int64]) -> Bools:
    """Whether the label of each clip scores higher than all others.

    Args:
        scores: Shape (clips, labels).
        labels: The one label of each clip.

    Example:
        >>> hits(np.array([[0.9, 0.8], [0.6, 0.6]]), np.array([0, 1])).tolist()
        [True, False]
    """
    return np.asarray(ranks(scores, labels) == 1)


def ranks(scores: Floats, labels: NDArray[np.int64]) -> NDArray[np.int64]:
    """The rank of each clip's label, from 1, behind all labels of equal score."""
    true = scores[np.arange(len(scores)), labels]
    return np.asarray((scores >= true[:, None]).sum(axis=1))


def balanced_accuracy(won: Bools, labels: NDArray[np.int64]) -> Estimate:
    """The mean over labels of the fraction of their clips that are correct.

    Influences are deviations from that mean, not from a label's own fraction: with one recording per label, deviations
    from the label's fraction would not show the variation between recordings.

    Example:
        >>> balanced_accuracy(np.array([True, True, True, False]), np.array([0, 0, 0, 1])).value
        0.5
    """
    present, of_clip, counts = np.unique(labels, return_inverse=True, return_counts=True)
    recall = np.bincount(of_clip, won) / counts
    value = float(recall.mean())
    return Estimate(value, (won - value) / counts[of_clip] / len(present))


def mean_average_precision(scores: Floats, is_true: Bools) -> Estimate:
    """The mean over labels of the average precision with which a label's score ranks the clips.

    Args:
        scores: Shape (clips, labels).
        is_true: Of the same shape; labels without a true clip are left out.

    Raises:
        ValueError: If no label has a true clip.

    Example:
        >>> mean_average_precision(np.array([[0.9], [0.8], [0.7]]), np.array([[True], [False], [True]])).value
        0.8333333333333333
    """
    each = [average_precision(scores[:, label], is_true[:, label]) for label in np.flatnonzero(is_true.any(axis=0))]
    if not each:
        raise ValueError("no label is true of any clip: average precision needs at least one")
    values = np.array([one.value for one in each])
    influence = np.mean([one.influence for one in each], axis=0)
    return Estimate(float(values.mean()), influence, (values - values.mean()) / len(each))


def average_precision(scores: Floats, is_true: Bools) -> Estimate:
    """The mean, over the true clips, of the fraction of true ones among all that rank as high or higher.

    With weights w it is AP = sum_i w_i y_i p_i / sum_i w_i y_i with p_i = Y_i / N_i, the weight of the true ones and
    of all up to place i; its derivative with respect to w_k is y_k (p_k - AP) / P plus the sum over true i at or after
    place k of (y_k - p_i) / (P N_i).
    """
    order = np.lexsort((is_true, -scores))  # a true clip comes after the false ones of equal score
    right = is_true[order].astype(np.float64)
    places = np.arange(1, len(right) + 1)
    precision = np.cumsum(right) / places
    num_right = right.sum()
    value = float(right @ precision / num_right)

    def from_here(terms: Floats) -> Floats:
        return np.asarray(np.cumsum(terms[::-1])[::-1])

    influence = np.empty_like(right)
    later = right * from_here(right / places) - from_here(right * precision / places)
    influence[order] = (right * (precision - value) + later) / num_right
    return Estimate(value, influence)


def average_precision_chance(num_right: int, num_all: int) -> float:
    """The exact expectation of average precision when clips come in random order.

    Example:
        >>> average_precision_chance(1, 2)
        0.75
    """
    places = np.arange(1, num_all + 1)
    return float(((1 + (places - 1) * (num_right - 1) / max(num_all - 1, 1)) / places).sum() / num_all)
