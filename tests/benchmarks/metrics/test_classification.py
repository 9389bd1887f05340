from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, balanced_accuracy_score

from benchmarks.metrics.classification import (
    average_precision,
    average_precision_chance,
    balanced_accuracy,
    hits,
    mean_average_precision,
    ranks,
)


@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_hits_equal_a_double_loop_with_ties(levels: int) -> None:
    rng = np.random.default_rng(levels)
    scores, labels = rng.integers(levels, size=(200, 5)).astype(float), rng.integers(5, size=200)
    for row, label, won, rank in zip(scores, labels, hits(scores, labels), ranks(scores, labels), strict=True):
        beaten = [row[label] > row[other] for other in range(5) if other != label]
        assert bool(won) == all(beaten)
        assert rank == 5 - sum(beaten)


def test_a_constant_scorer_hits_nothing_and_ranks_last() -> None:
    scores, labels = np.zeros((4, 3)), np.array([0, 1, 2, 0])
    assert not hits(scores, labels).any()
    assert average_precision(np.zeros(4), np.array([True, False, False, False])).value == 0.25


def test_balanced_accuracy_equals_sklearn() -> None:
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(300, 6)), rng.choice(6, size=300, p=[0.5, 0.2, 0.1, 0.1, 0.05, 0.05])
    expected = balanced_accuracy_score(labels, scores.argmax(axis=1))
    assert balanced_accuracy(hits(scores, labels), labels).value == pytest.approx(expected)


def test_average_precision_equals_sklearn_where_nothing_ties() -> None:
    rng = np.random.default_rng(1)
    scores, is_true = rng.normal(size=(200, 7)), rng.random((200, 7)) < 0.2
    is_true[:, 3] = False
    each = [average_precision_score(is_true[:, label], scores[:, label]) for label in range(7) if label != 3]
    assert mean_average_precision(scores, is_true).value == pytest.approx(np.mean(each))
    with pytest.raises(ValueError, match="no label is true"):
        mean_average_precision(scores, np.zeros((200, 7), bool))


@pytest.mark.parametrize("levels", [2, 5])
def test_average_precision_with_ties_equals_a_double_loop(levels: int) -> None:
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores, is_true = rng.integers(levels, size=15).astype(float), rng.random(15) < 0.4
        is_true[0] = True
        total = 0.0
        for i in np.flatnonzero(is_true):
            false_before = sum(scores[j] >= scores[i] for j in range(15) if not is_true[j])
            true_before = sum(
                scores[j] > scores[i] or (scores[j] == scores[i] and j <= i) for j in range(15) if is_true[j]
            )
            total += true_before / (true_before + false_before)
        assert average_precision(scores, is_true).value == pytest.approx(total / is_true.sum())


def weighted(scores: np.ndarray, is_true: np.ndarray, weights: np.ndarray) -> float:
    value = 0.0
    for i in np.flatnonzero(is_true):
        above = scores >= scores[i]
        value += weights[i] * (weights[above] * is_true[above]).sum() / weights[above].sum()
    return float(value / weights[is_true].sum())


def test_influence_is_the_derivative_after_weights() -> None:
    rng = np.random.default_rng(2)
    scores, is_true = rng.normal(size=30), rng.random(30) < 0.4
    figure = average_precision(scores, is_true)
    assert figure.value == pytest.approx(weighted(scores, is_true, np.ones(30)))
    for item in range(30):
        step = np.zeros(30)
        step[item] = 1e-6
        up, down = (weighted(scores, is_true, np.ones(30) + sign * step) for sign in (1, -1))
        assert figure.influence[item] == pytest.approx((up - down) / 2e-6, abs=1e-6)
    assert figure.influence.sum() == pytest.approx(0)


@pytest.mark.parametrize(("num_right", "num_all"), [(1, 4), (2, 5), (5, 5)])
def test_chance_by_counting_every_order(num_right: int, num_all: int) -> None:
    is_true = np.arange(num_all) < num_right
    orders = [average_precision(np.array(order, float), is_true).value for order in permutations(range(num_all))]
    assert average_precision_chance(num_right, num_all) == pytest.approx(np.mean(orders))
