from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

import benchmarks.metrics.resampling
from benchmarks.metrics.classification import average_precision
from benchmarks.metrics.intervals import Interval
from benchmarks.metrics.pairs import auc, placements
from benchmarks.metrics.resampling import jackknife, resampled_mean, resampled_median

Floats = NDArray[np.float64]


def test_of_independent_items_it_is_the_interval_of_a_mean() -> None:
    values = np.random.default_rng(0).random(400)
    low, high, _ = jackknife(float(values.mean()), (values - values.mean()) / 400, [[f"r{i}"] for i in range(400)])
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=1e-3)
    assert (low + high) / 2 == pytest.approx(values.mean())


def test_shared_recordings_widen_it() -> None:
    values = np.repeat(np.random.default_rng(0).random(40), 10)
    change = (values - values.mean()) / 400
    alone = jackknife(0.5, change, [[] for _ in range(400)])
    shared = jackknife(0.5, change, [[f"r{i // 10}"] for i in range(400)])
    assert (shared.high - shared.low) / (alone.high - alone.low) == pytest.approx(np.sqrt(10), rel=1e-6)
    twice = jackknife(0.5, change, [[f"r{i // 10}", f"s{i // 10}"] for i in range(400)])  # both names of one cluster
    assert twice == pytest.approx(shared)


def test_ends() -> None:
    won = jackknife(1.0, np.zeros(50), [[f"r{i}"] for i in range(50)])
    assert won.low < won.high == 1.0
    agreed = jackknife(0.25, np.resize([1e-17, -1e-17], 50), [[f"r{i}"] for i in range(50)])
    assert agreed.low < 0.2 < 0.3 < agreed.high
    with pytest.raises(ValueError, match="one each"):
        jackknife(0.5, np.zeros(3), [["a"]])
    assert resampled_mean(np.ones(50), [str(i) for i in range(50)]).low < 1.0


def coverage(truth: float, draw: Callable[[np.random.Generator], Interval], rounds: int = 120) -> float:
    rng = np.random.default_rng(5)
    held = [interval.low <= truth <= interval.high for interval in (draw(rng) for _ in range(rounds))]
    return float(np.mean(held))


def test_auc_interval_covers_the_truth() -> None:
    def draw(rng: np.random.Generator) -> Interval:
        own = rng.normal(size=200)  # what an item's true and false scores share
        true, false = own + rng.normal(size=200) + 1.0, own + rng.normal(size=200)
        value = auc(true, false)
        change = (placements(true, false) + 1 - placements(false, true) - 2 * value) / 200
        return jackknife(value, change, [[] for _ in range(200)])

    rng = np.random.default_rng(0)
    truth = float(np.mean(rng.normal(1, np.sqrt(2), 10**6) > rng.normal(0, np.sqrt(2), 10**6)))
    assert 0.90 <= coverage(truth, draw) <= 0.99


def test_average_precision_interval_covers_the_truth() -> None:
    def sample(rng: np.random.Generator, size: int) -> tuple[Floats, NDArray[np.bool_]]:
        is_true = rng.random(size) < 0.3
        return rng.normal(size=size) + is_true, is_true

    def draw(rng: np.random.Generator) -> Interval:
        figure = average_precision(*sample(rng, 400))
        return jackknife(figure.value, figure.influence, [[] for _ in range(400)])

    truth = average_precision(*sample(np.random.default_rng(0), 400_000)).value
    assert 0.90 <= coverage(truth, draw) <= 0.99


@pytest.mark.parametrize("resampled", [resampled_mean, resampled_median])
def test_resampling_covers_the_truth_where_queries_share_clips(
    resampled: Callable[[Floats, list[str]], Interval], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(benchmarks.metrics.resampling, "NUM_REPLICATES", 200)
    clips = [f"c{i // 5}" for i in range(500)]

    def draw(rng: np.random.Generator) -> Interval:
        return resampled(rng.beta(2, 2, 100).repeat(5) * 0.8 + 0.2 * rng.beta(2, 2, 500), clips)

    assert 0.88 <= coverage(0.5, draw, rounds=60) <= 1.0


def test_resampling_knows_that_equal_values_of_one_clip_are_one() -> None:
    values = np.random.default_rng(0).random(100)
    once = resampled_mean(values, [str(i) for i in range(100)])
    five_times = resampled_mean(values.repeat(5), [str(i) for i in range(100) for _ in range(5)])
    assert five_times.high - five_times.low == pytest.approx(once.high - once.low, rel=0.1)


def test_median_of_many_ranks() -> None:
    ranks = np.random.default_rng(0).permutation(np.arange(1.0, 101))
    low, high, method = resampled_median(ranks, [str(i) for i in range(100)])
    assert 35 < low < 50.5 < high < 66
    assert "clips" in method
