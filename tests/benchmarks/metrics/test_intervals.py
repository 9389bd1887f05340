from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats

from benchmarks.metrics.intervals import BOOTSTRAP, WILSON, Interval, bootstrap, interval, wilson
from benchmarks.speed.coverage import DESIGNS, SCORES, Design
from benchmarks.speed.coverage import coverage as simulated

NUM_LABELS = 10
RECORDINGS_A_LABEL = 8


def test_wilson_against_known_values() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3
    for won, number, low, high in [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]:
        assert wilson(won / number, number)[:2] == pytest.approx((low, high), abs=5e-5)
    assert wilson(1.0, 29)[:2] == pytest.approx((0.8830, 1.0), abs=5e-5)


def test_the_method_follows_from_what_items_share() -> None:
    won = [True, False, True, True]
    alone = interval(won, [["a", "b"], ["c", "d"], ["e"], []])
    shared = interval(won, [["a", "b"], ["b", "c"], ["e"], []])
    assert (alone.method, shared.method) == (WILSON, BOOTSTRAP)
    assert alone == wilson(0.75, 4)


def test_bootstrap_repeats_and_ignores_names_and_order_within_an_item() -> None:
    rng = np.random.default_rng(0)
    won = rng.random(100) < 0.5
    pairs = rng.integers(20, size=(100, 2))
    named = [[f"r{i}", f"r{j}"] for i, j in pairs]
    turned = [[f"r{j}", f"r{i}"] for i, j in pairs]
    assert bootstrap(won, named) == bootstrap(won, named)
    assert bootstrap(won, named)[:2] == pytest.approx(bootstrap(won, turned)[:2])


def test_bootstrap_where_recordings_decide_everything() -> None:
    won = np.repeat([True, False] * 10, 20)
    recordings = [[f"r{i}"] for i in np.repeat(np.arange(20), 20)]
    low, high, _ = bootstrap(won, recordings)
    independent_recordings = wilson(0.5, 20)
    assert high - low == pytest.approx(independent_recordings.high - independent_recordings.low, rel=0.15)
    assert high - low > 3 * (wilson(0.5, 400).high - wilson(0.5, 400).low)


def test_bootstrap_at_the_ends_and_of_one_recording() -> None:
    assert bootstrap([True] * 50, [["a", "b"]] * 50)[:2] == wilson(1.0, 50)[:2]
    assert bootstrap([False] * 50, [["a", "b"]] * 50)[:2] == wilson(0.0, 50)[:2]
    assert bootstrap([True, False], [["a"], ["a"]])[:2] == wilson(0.5, 2)[:2]
    with pytest.raises(ValueError, match="one each"):
        bootstrap([True], [])


@pytest.mark.parametrize("share_of_recordings", [0.0, 0.5])
def test_bootstrap_covers_the_truth(share_of_recordings: float) -> None:
    def of_bootstrap(won: NDArray[np.bool_], recordings: list[list[str]]) -> Interval:
        return bootstrap(won, recordings)

    def of_wilson(won: NDArray[np.bool_], _: list[list[str]]) -> Interval:
        return wilson(float(won.mean()), len(won))

    assert 0.90 <= coverage(of_bootstrap, share_of_recordings) <= 0.99
    if share_of_recordings:
        assert coverage(of_wilson, share_of_recordings) < 0.85


def coverage(method: Callable[[NDArray[np.bool_], list[list[str]]], Interval], share: float) -> float:
    """How often the interval holds the true 0.5 when recordings make this share of a margin's variance."""
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(200):
        skill = rng.normal(size=NUM_LABELS * RECORDINGS_A_LABEL)
        label = np.arange(200) % 8
        labels = np.stack([label, (label + 1 + label % 2) % NUM_LABELS], axis=1)
        recordings = labels * RECORDINGS_A_LABEL + rng.integers(RECORDINGS_A_LABEL, size=(200, 2))
        margin = np.sqrt(share / 2) * skill[recordings].sum(axis=1) + np.sqrt(1 - share) * rng.normal(size=200)
        low, high, _ = method(margin > 0, [[f"r{i}" for i in item] for item in recordings])
        covered.append(low <= 0.5 <= high)
    return float(np.mean(covered))


@pytest.mark.parametrize("number", [200, 400, 1000])
@pytest.mark.parametrize("score", SCORES)
def test_wilson_covers_the_truth_by_counting_every_outcome(number: int, score: float) -> None:
    outcomes = np.arange(number + 1)
    chances = stats.binom.pmf(outcomes, number, score)
    held = [low <= score <= high for low, high, _ in (wilson(won / number, number) for won in outcomes)]
    assert abs(float(chances @ held) - 0.95) < 0.015


@pytest.mark.slow
@pytest.mark.parametrize("design", [design for design in DESIGNS if design.recordings], ids=lambda design: design.name)
@pytest.mark.parametrize("score", SCORES)
def test_the_bootstrap_covers_the_truth_in_simulation(design: Design, score: float) -> None:
    assert abs(simulated(design, score, num_models=2000) - 0.95) < 0.015 + 2 * np.sqrt(0.95 * 0.05 / 2000)
