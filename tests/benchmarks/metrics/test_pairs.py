from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from benchmarks.metrics.pairs import (
    METRICS,
    PAIR_CHANCE,
    TRIPLET_CHANCE,
    auc,
    chance,
    margins,
    mean_chance,
    outcomes,
    placements,
)


def oracle(matrix: NDArray[np.float64]) -> dict[str, bool]:
    n = len(matrix)
    text = audio = True
    ties = False
    for i in range(n):
        for j in range(n):
            if i == j:
                continue
            text = text and bool(matrix[i, i] > matrix[i, j])
            audio = audio and bool(matrix[i, i] > matrix[j, i])
            ties = ties or bool(matrix[i, i] == matrix[i, j]) or bool(matrix[i, i] == matrix[j, i])
    return {"text": text, "audio": audio, "group": text and audio, "ties": ties}


@pytest.mark.parametrize(
    ("matrix", "text", "audio", "group", "ties"),
    [
        ([[1, 0], [0, 1]], True, True, True, False),
        ([[3, 2], [0, 1]], True, False, False, False),  # audio 0 is louder for every text
        ([[3, 0], [2, 1]], False, True, False, False),
        ([[0, 1], [1, 0]], False, False, False, False),
        ([[1, 1], [0, 1]], False, False, False, True),  # the wrong text ties: a loss
        ([[1, 0], [0, 0]], False, False, False, True),
        ([[0, 0], [0, 0]], False, False, False, True),
        ([[2, 1], [1, 2]], True, True, True, False),  # wrong entries may tie with each other
    ],
)
def test_pairs_by_hand(matrix: list[list[float]], text: bool, audio: bool, group: bool, ties: bool) -> None:
    won = outcomes([matrix])
    assert [bool(won[name][0]) for name in METRICS] == [text, audio, group, ties]


def test_a_triplet_needs_all_three() -> None:
    good = np.eye(3)
    text_lost = np.array([[1, 0, 0], [0, 1, 0], [0, 1, 1]])
    assert [bool(value) for value in outcomes([good, text_lost])["group"]] == [True, False]


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("levels", [2, 4, 1000])
def test_equals_a_double_loop_with_and_without_ties(n: int, levels: int) -> None:
    matrices = np.random.default_rng(n * levels).integers(levels, size=(500, n, n)).astype(float)
    matrices += np.eye(n) * (levels // 3)  # so that not all is lost
    won = outcomes(matrices)
    expected = [oracle(matrix) for matrix in matrices]
    for name in METRICS:
        assert won[name].tolist() == [each[name] for each in expected], name
    assert won["ties"].any() or levels == 1000


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("levels", [3, 1000])
def test_margins_equal_a_double_loop_and_say_who_wins(n: int, levels: int) -> None:
    matrices = np.random.default_rng(n * levels).integers(levels, size=(300, n, n)).astype(float)
    least, won = margins(matrices), outcomes(matrices)
    for number, matrix in enumerate(matrices):
        others = [(i, j) for i in range(n) for j in range(n) if i != j]
        assert least["text"][number] == min(matrix[i, i] - matrix[i, j] for i, j in others)
        assert least["audio"][number] == min(matrix[j, j] - matrix[i, j] for i, j in others)
    assert ((least["text"] > 0) == won["text"]).all()
    assert ((least["audio"] > 0) == won["audio"]).all()


@pytest.mark.parametrize("levels", [3, 10**6])
def test_auc_equals_a_double_loop_and_sklearn(levels: int) -> None:
    rng = np.random.default_rng(levels)
    positive, negative = rng.integers(levels, size=80) + levels // 3, rng.integers(levels, size=50)
    wins = [(p > n) + 0.5 * (p == n) for p in positive for n in negative]
    assert auc(positive, negative) == pytest.approx(np.mean(wins))
    labels = np.repeat([1, 0], [80, 50])
    assert auc(positive, negative) == pytest.approx(roc_auc_score(labels, np.concatenate([positive, negative])))
    assert 1 - placements(negative, positive).mean() == pytest.approx(np.mean(wins))


def test_a_random_scorer_gets_chance_in_both_protocols() -> None:
    rng = np.random.default_rng(0)
    num, pairs, triplets = 100_000, 75_000, 25_000
    won = outcomes(rng.random((num, 2, 2)))
    with_triplets = [outcomes(rng.random((pairs, 2, 2))), outcomes(rng.random((triplets, 3, 3)))]
    mixed = mean_chance([2] * pairs + [3] * triplets)
    for name in ("text", "audio", "group"):
        for share, expected in (
            (won[name].mean(), PAIR_CHANCE[name]),
            (np.concatenate([part[name] for part in with_triplets]).mean(), mixed[name]),
        ):
            error = np.sqrt(float(expected) * (1 - float(expected)) / num)
            assert abs(share - float(expected)) < 4 * error, (name, share, expected)
    assert [round(float(mixed[name]), 4) for name in ("text", "audio", "group")] == [0.1968, 0.1968, 0.1292]
    assert not won["ties"].any()


@pytest.mark.parametrize("n", [2, 3])
def test_chance_by_counting_every_order(n: int) -> None:
    orders = np.array(list(permutations(range(n * n))), dtype=float).reshape(-1, n, n)
    won = outcomes(orders)
    for name in METRICS:
        assert Fraction(int(won[name].sum()), len(orders)) == chance(n)[name], name


def test_chance_values_of_the_published_protocols() -> None:
    assert [str(PAIR_CHANCE[name]) for name in METRICS] == ["1/4", "1/4", "1/6", "0"]
    assert [str(TRIPLET_CHANCE[name]) for name in METRICS] == ["1/27", "1/27", "1/60", "0"]
    mixed = mean_chance([2] * 300 + [3] * 100)
    assert [str(mixed[name]) for name in METRICS] == ["85/432", "85/432", "31/240", "0"]


def test_what_is_no_item_is_refused() -> None:
    for shape in [(2, 2), (4, 2, 3), (4, 1, 1)]:
        with pytest.raises(ValueError, match=r"must have the shape \(items, n, n\)"):
            outcomes(np.zeros(shape))
    scores = np.zeros((3, 2, 2))
    scores[1, 0, 0] = np.nan
    with pytest.raises(ValueError, match="item 1 has a score that is NaN"):
        outcomes(scores)
    with pytest.raises(ValueError, match="at least 2"):
        chance(1)
    with pytest.raises(ValueError, match="no items"):
        mean_chance([])
