from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from scipy import stats

from benchmarks.metrics.intervals import student, variance_of_mean
from benchmarks.metrics.paired import mcnemar, paired_difference


@pytest.mark.parametrize(("only_one", "only_other"), [*product(range(6), range(6)), (3, 250), (400, 399)])
def test_mcnemar_is_the_binomial_test(only_one: int, only_other: int) -> None:
    number = only_one + only_other
    expected = stats.binomtest(only_one, number).pvalue if number else 1.0
    assert mcnemar(only_one, only_other) == pytest.approx(expected)


@pytest.mark.parametrize("degrees", [1, 2, 3, 4.5, 9, 30, 1000])
def test_student_against_scipy(degrees: float) -> None:
    assert student(degrees) == pytest.approx(stats.t.ppf(0.975, degrees), rel=0.01)


def test_variance_of_independent_and_of_shared_items() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=400)
    variance, degrees = variance_of_mean(values, [[f"r{i}"] for i in range(400)])
    assert variance == pytest.approx(values.var() / 400, rel=0.1)
    assert degrees == 399
    clusters = np.repeat(rng.normal(size=20), 20)
    variance, degrees = variance_of_mean(clusters, [[f"r{i // 20}"] for i in range(400)])
    assert variance == pytest.approx(clusters[::20].var() / 20, rel=0.1)
    assert degrees == 19


def test_pairing_makes_a_small_difference_sure() -> None:
    rng = np.random.default_rng(1)
    other = rng.random((1, 400)) < 0.5
    one = other.copy()
    one[0, np.flatnonzero(~other[0])[:12]] = True
    alone = [[str(i)] for i in range(400)]
    value, low, high = paired_difference(one, other, alone)
    assert value == pytest.approx(12 / 400)
    assert 0 < low < value < high < 0.06
    shuffled = rng.permutation(other, axis=1)
    assert paired_difference(one, shuffled, alone).low < -0.02  # the same scores, not paired


def test_two_that_agree_everywhere_may_still_differ() -> None:
    value, low, high = paired_difference(np.zeros((1, 50)), np.zeros((1, 50)), [[str(i)] for i in range(50)])
    assert value == 0
    assert low == pytest.approx(-high)
    assert 0.01 < high < 0.1


def test_few_seeds_widen_the_interval() -> None:
    rng = np.random.default_rng(2)
    other = rng.random((3, 400)) < 0.5
    alone = [[str(i)] for i in range(400)]
    steady = np.stack([rng.random(400) < 0.6 for _ in range(3)])
    unsteady = np.stack([rng.random(400) < share for share in (0.4, 0.6, 0.8)])
    widths = [paired_difference(side, other, alone) for side in (steady, unsteady)]
    assert widths[1].high - widths[1].low > 3 * (widths[0].high - widths[0].low)


@pytest.mark.parametrize(
    ("one", "other", "num_seeds"),
    [
        (0.9, 0.8, 1),
        pytest.param(0.5, 0.5, 1, marks=pytest.mark.slow),
        pytest.param(0.1, 0.05, 1, marks=pytest.mark.slow),
        pytest.param(0.6, 0.5, 3, marks=pytest.mark.slow),
    ],
)
def test_intervals_cover_the_true_difference(one: float, other: float, num_seeds: int) -> None:
    """Items have a skill of their own that both models share; a seed moves the model's threshold."""
    rng = np.random.default_rng(3)
    alone = [[str(i)] for i in range(200)]
    spread = 0.3 if num_seeds > 1 else 0.0
    thresholds = [stats.norm.ppf(share) * np.sqrt(2 + spread**2) for share in (one, other)]
    covered = []
    for _ in range(300):
        skill = rng.normal(size=200)
        sides = [
            skill + rng.normal(size=(num_seeds, 200)) + spread * rng.normal(size=(num_seeds, 1)) < threshold
            for threshold in thresholds
        ]
        _, low, high = paired_difference(sides[0], sides[1], alone)
        covered.append(low <= one - other <= high)
    assert 0.92 <= np.mean(covered) <= 0.995
