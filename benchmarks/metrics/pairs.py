"""Pair and triplet metrics: pure functions of score matrices, with their chance values.

An item is n audios and n texts, text i true of audio i only; its scores are an (n, n) matrix, audios in rows,
texts in columns. n is 2 for pairs, 3 for triplets. All comparisons are strict: a tie is a loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import permutations
from math import factorial
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray

METRICS = ("text", "audio", "group", "ties")
"""What is measured of every item, in display order."""


def outcomes(scores: ArrayLike) -> dict[str, NDArray[np.bool_]]:
    """Which scores each item wins.

    - text: for every audio, the true text beats each other text (the diagonal beats its rows);
    - audio: for every text, the true audio beats each other audio (the diagonal beats its columns);
    - group: both;
    - ties: a true entry equals an entry that it is compared with.

    Args:
        scores: Shape (items, n, n), higher is better, `scores[:, i, i]` the true ones.

    Returns:
        A bool array of shape (items,) for each of `METRICS`.

    Raises:
        ValueError: If the shape is different or a score is NaN.

    Example:
        The true text wins for both audios (0.9 > 0.8, 0.6 > 0.5), but the wrong audio wins for the second
        text (0.6 < 0.8), so the group is lost too:

        >>> {name: bool(won[0]) for name, won in outcomes([[[0.9, 0.8], [0.5, 0.6]]]).items()}
        {'text': True, 'audio': False, 'group': False, 'ties': False}

        A constant scorer wins nothing:

        >>> {name: bool(won[0]) for name, won in outcomes([[[1, 1], [1, 1]]]).items()}
        {'text': False, 'audio': False, 'group': False, 'ties': True}
    """
    matrices = _checked(scores)
    text = np.ones(matrices.shape[-1], dtype=bool)
    audio, ties = text.copy(), ~text
    for true, other, side in _comparisons(matrices):
        won = text if side == "text" else audio
        won &= true > other
        ties |= true == other
    return {"text": text, "audio": audio, "group": text & audio, "ties": ties}


def margins(scores: ArrayLike) -> dict[str, NDArray[np.float64]]:
    """The margin by which each item's true entries exceed the best false ones, in the scorer's units.

    Args:
        scores: As for `outcomes`.

    Returns:
        Arrays of shape (items,): `text` is the smallest lead of a true text over another text of its audio, `audio`
        that of a true audio over another audio of its text; above 0 if the item is won, 0 at a tie.

    Example:
        >>> {side: float(least[0]) for side, least in margins([[[4, 1], [2, 3]]]).items()}
        {'text': 1.0, 'audio': 2.0}
    """
    matrices = _checked(scores)
    least = {side: np.full(matrices.shape[-1], np.inf) for side in ("text", "audio")}
    for true, other, side in _comparisons(matrices):
        np.minimum(least[side], true - other, out=least[side])
    return least


def auc(positive: ArrayLike, negative: ArrayLike) -> float:
    """The probability that a random positive scores higher than a random negative; a tie is half a win.

    Example:
        >>> auc([2.0, 3.0], [1.0, 2.0])
        0.875
    """
    return float(np.mean(placements(positive, negative)))


def placements(scores: ArrayLike, others: ArrayLike) -> NDArray[np.float64]:
    """The fraction of the other scores that each score exceeds, with ties as half; their mean is the AUC."""
    ordered, wanted = np.sort(np.ravel(others)), np.asarray(scores)
    below = np.searchsorted(ordered, wanted, "left") + np.searchsorted(ordered, wanted, "right")
    return np.asarray(below / 2 / len(ordered))


def _checked(scores: ArrayLike) -> NDArray[np.float64]:
    """The scores with shape (n, n, items): a comparison of entries is then one of long arrays."""
    matrices = np.asarray(scores, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[1] != matrices.shape[2] or matrices.shape[1] < 2:
        raise ValueError(f"scores must have the shape (items, n, n) with n of at least 2; got {matrices.shape}")
    if np.isnan(matrices).any():
        raise ValueError(f"item {int(np.isnan(matrices).any(axis=(1, 2)).argmax())} has a score that is NaN")
    return np.ascontiguousarray(np.moveaxis(matrices, 0, -1))


def _comparisons(matrices: NDArray[np.float64]) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64], str]]:
    """Each true entry of all items, with each entry of its row (side text) and of its column (side audio)."""
    for i, j in permutations(range(len(matrices)), 2):
        yield matrices[i, i], matrices[i, j], "text"
        yield matrices[i, i], matrices[j, i], "audio"


def paraphrased(scores: ArrayLike) -> NDArray[np.bool_]:
    """Whether, in each item and for every audio, both wordings of the true text beat each other text.

    Args:
        scores: Shape (items, n, 2n), higher is better; texts i and n + i are true of audio i. The second wordings
            of the other texts are not used.

    Returns:
        A bool array of shape (items,).

    Example:
        The second wording of the first text loses to the second text (0.4 < 0.8):

        >>> paraphrased([[[0.9, 0.8, 0.4, 0.1], [0.5, 0.6, 0.1, 0.7]]]).tolist()
        [False]
    """
    matrices = np.asarray(scores, dtype=np.float64)
    if matrices.ndim != 3 or matrices.shape[2] != 2 * matrices.shape[1]:
        raise ValueError(f"scores must have the shape (items, n, 2n); got {matrices.shape}")
    first, second = np.split(matrices, 2, axis=2)
    again = np.where(np.eye(first.shape[1], dtype=bool), second, first)  # the other wording in place of the true one
    return outcomes(first)["text"] & outcomes(again)["text"]


def paraphrase_chance(n: int) -> Fraction:
    """The exact expectation of `paraphrased` when scores come in random order.

    For each of n independent audios, the 2 true texts must be the largest of n + 1: (2 / (n (n + 1)))^n.

    Example:
        >>> str(paraphrase_chance(2))
        '1/9'
    """
    return Fraction(2, n * (n + 1)) ** n


def chance(n: int) -> Mapping[str, Fraction]:
    """The exact expectation of each metric when the n x n scores of an item come in random order.

    - text, audio: in each of n independent rows (columns), one of n entries must be the largest: (1/n)^n.
    - group: each true entry must beat the 2(n - 1) others in its row and column. Take the true entries from
      the largest down. After k of them, the k x k entries where their rows and columns cross are settled;
      of the other n^2 - k^2, the largest must be one of the n - k true ones. The product over k < n of
      (n - k) / (n^2 - k^2) = 1 / (n + k) is (n - 1)! / (2n - 1)!.
    - ties: 0.

    Example:
        >>> {name: str(value) for name, value in chance(2).items()}
        {'text': '1/4', 'audio': '1/4', 'group': '1/6', 'ties': '0'}
    """
    if n < 2:
        raise ValueError(f"n must be at least 2; got {n}")
    one_way = Fraction(1, n) ** n
    group = Fraction(factorial(n - 1), factorial(2 * n - 1))
    return MappingProxyType({"text": one_way, "audio": one_way, "group": group, "ties": Fraction(0)})


def mean_chance(sizes: Iterable[int]) -> dict[str, Fraction]:
    """The exact chance of items of different sizes together, such as 300 pairs and 100 triplets.

    Example:
        >>> {name: str(value) for name, value in mean_chance([2] * 300 + [3] * 100).items()}
        {'text': '85/432', 'audio': '85/432', 'group': '31/240', 'ties': '0'}
    """
    counts = Counter(sizes)
    if not counts:
        raise ValueError("there are no items: chance needs at least one")
    each = [(count, chance(n)) for n, count in counts.items()]
    return {
        name: sum((count * values[name] for count, values in each), Fraction(0)) / counts.total() for name in METRICS
    }


PAIR_CHANCE = chance(2)
"""Pairs: text 1/4, audio 1/4, group 1/6."""
TRIPLET_CHANCE = chance(3)
"""Triplets: text 1/27, audio 1/27, group 1/60."""
