"""Both phrasings of what is true must beat what is false."""

from __future__ import annotations

from fractions import Fraction
from itertools import permutations

import numpy as np
import pytest

from benchmarks.metrics.pairs import paraphrase_chance, paraphrased


def oracle(matrix: np.ndarray) -> bool:
    """A loop over audios, phrasings of the true text and other texts."""
    n = len(matrix)
    return all(
        matrix[audio][true] > matrix[audio][other]
        for audio in range(n)
        for true in (audio, n + audio)
        for other in range(n)
        if other != audio
    )


@pytest.mark.parametrize("n", [2, 3])
@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_equals_a_loop_with_and_without_ties(n: int, levels: int) -> None:
    matrices = np.random.default_rng(n * levels).integers(levels, size=(500, n, 2 * n)).astype(float)
    matrices += np.tile(np.eye(n), 2) * (levels // 2)
    won = paraphrased(matrices)
    assert won.tolist() == [oracle(matrix) for matrix in matrices]
    assert 0 < won.mean() < 1


def test_chance_by_counting_every_order() -> None:
    orders = np.array(list(permutations(range(8))), dtype=float).reshape(-1, 2, 4)
    assert Fraction(int(paraphrased(orders).sum()), len(orders)) == paraphrase_chance(2) == Fraction(1, 9)


def test_a_scorer_that_only_reads_or_only_hears_wins_nothing() -> None:
    scores = np.random.default_rng(0).normal(size=(200, 2, 4))
    reads, hears = scores[:, :1].repeat(2, axis=1), scores[:, :, :1].repeat(4, axis=2)
    assert not paraphrased(reads).any()
    assert not paraphrased(hears).any()


def test_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must have the shape \(items, n, 2n\)"):
        paraphrased(np.zeros((3, 2, 2)))
