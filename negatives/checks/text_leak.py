"""The blind check: can a classifier that only reads tell captions from their own negatives?

If it can, a model learns to read, not to listen. The classifier is a logistic regression on words, pairs of
neighbouring words and length; AUC 0.5 is a set that cannot be told apart, 1.0 one that gives itself away.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from negatives.language.inflection import words_of
from negatives.rules import stable_hash

NUM_FOLDS = 5
MIN_PAIRS = 100
MIN_COUNT = 2
_L2 = 1e-4
_STEPS = 150

Pair = tuple[str, str]
"""A caption, and a negative of it."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Blindness:
    """What a reader makes of the negatives of one kind.

    Attributes:
        pairs: Pairs that were looked at.
        auc: Chance that it finds a negative more like a negative than a caption; None below `MIN_PAIRS` pairs.
        giveaways: (n-gram, negatives with it, captions with it), the most telling first.
    """

    kind: str
    pairs: int
    auc: float | None
    giveaways: Sequence[tuple[str, int, int]]


def blind_check(pairs_by_kind: Mapping[str, Sequence[Pair]]) -> list[Blindness]:
    """Checks every kind alone, in the order of their names."""
    return [
        Blindness(kind, len(pairs), k_fold_auc(pairs) if len(pairs) >= MIN_PAIRS else None, giveaways(pairs))
        for kind, pairs in sorted(pairs_by_kind.items())
    ]


def k_fold_auc(pairs: Sequence[Pair], num_folds: int = NUM_FOLDS) -> float:
    """AUC of a classifier on texts that it was not fitted on; a caption and its negatives share a fold."""
    return Reader(pairs, num_folds).auc()


class Reader:
    """The classifier, ready to judge parts of a set of pairs again and again.

    Args:
        pairs: The whole set.
        num_folds: For each fold, one classifier is fitted on the other ones.
        keys: Pairs of one key share a fold; by default those of one caption do.
    """

    def __init__(self, pairs: Sequence[Pair], num_folds: int = NUM_FOLDS, keys: Sequence[str] | None = None) -> None:
        self._features = Features([text for pair in pairs for text in pair])
        self._is_negative = np.tile([False, True], len(pairs))
        keys = [caption for caption, _ in pairs] if keys is None else keys
        self._fold = np.repeat([stable_hash(key.lower()) % num_folds for key in keys], 2)

    def auc(self, kept: NDArray[np.bool_] | None = None) -> float:
        """AUC over the pairs in `kept`, by default all."""
        shares = self.shares(kept)
        return auc(shares[:, 1][~np.isnan(shares[:, 1])], shares[:, 0][~np.isnan(shares[:, 0])])

    def shares(self, kept: NDArray[np.bool_] | None = None) -> Floats:
        """How much like a negative each caption and its negative read, (pairs, 2) from 0 to 1; NaN for pairs not kept.

        It is the share of the texts in its fold that read less like one.
        """
        use = np.ones(len(self._fold), bool) if kept is None else np.repeat(kept, 2)
        folds = np.unique(self._fold[use])
        shares = np.where(use, 0.0, np.nan)
        for held_out in folds if len(folds) > 1 else ():
            rows = use & (self._fold == held_out)
            weights = self._features.fit(self._is_negative, use & ~rows)
            shares[rows] = _rank(self._features.score(weights)[rows])
        return shares.reshape(-1, 2)


def auc(positive: Floats, negative: Floats) -> float:
    """Chance that a random positive scores higher than a random negative; a tie is half a win.

    Example:
        >>> auc(np.array([2.0, 3.0]), np.array([1.0, 2.0]))
        0.875
    """
    ordered = np.sort(negative)
    wins = np.searchsorted(ordered, positive, "left") + np.searchsorted(ordered, positive, "right")
    return float(wins.mean() / 2 / len(negative))


def giveaways(pairs: Sequence[Pair], num: int = 8) -> list[tuple[str, int, int]]:
    """The n-grams whose counts in negatives and captions differ by the most standard deviations."""
    in_captions = Counter(gram for caption, _ in pairs for gram in set(n_grams(caption)))
    in_negatives = Counter(gram for _, negative in pairs for gram in set(n_grams(negative)))

    def surprise(gram: str) -> float:
        more, less = in_negatives[gram], in_captions[gram]
        return abs(more - less) / float(np.sqrt(more + less))

    grams = sorted(in_captions.keys() | in_negatives.keys(), key=lambda gram: (-surprise(gram), gram))
    return [(gram, in_negatives[gram], in_captions[gram]) for gram in grams[:num]]


def n_grams(text: str) -> list[str]:
    """The words of a text, and its pairs of neighbouring words."""
    words = words_of(text)
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


class Features:
    """Texts as a sparse matrix of n-grams, and their lengths in words as one column more (zero mean, unit deviation).

    Args:
        texts: One a row.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        grams = [dict.fromkeys(n_grams(text)) for text in texts]  # a set's order differs from run to run
        counts = Counter(gram for row in grams for gram in row)
        self.vocabulary = {gram: i for i, gram in enumerate(g for g, count in counts.items() if count >= MIN_COUNT)}
        rows = [[self.vocabulary[gram] for gram in row if gram in self.vocabulary] for row in grams]
        self.columns = np.fromiter(itertools.chain.from_iterable(rows), np.int64)
        self.rows = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
        lengths = np.array([len(text.split()) for text in texts], float)
        self.lengths = (lengths - lengths.mean()) / (lengths.std() or 1.0)

    def score(self, weights: Floats) -> Floats:
        """Log odds of every row; `weights` are those of the vocabulary, of length, and a constant."""
        of_words = np.bincount(self.rows, weights[self.columns], len(self.lengths))
        return np.asarray(of_words + self.lengths * weights[-2] + weights[-1])

    def fit(self, labels: NDArray[np.bool_], use: NDArray[np.bool_]) -> Floats:
        """Weights of a logistic regression on the rows in `use`."""
        kept = use[self.rows]
        rows, columns, num = self.rows[kept], self.columns[kept], max(int(use.sum()), 1)
        frequency = np.bincount(columns, minlength=len(self.vocabulary)) / num
        size = np.bincount(rows).max(initial=0) + 2
        curvature = np.append(frequency, [float((self.lengths[use] ** 2).mean()), 1.0]) * size / 4

        def gradient(weights: Floats) -> Floats:
            scores = np.bincount(rows, weights[columns], len(use)) + self.lengths * weights[-2] + weights[-1]
            error = np.where(use, _sigmoid(scores) - labels, 0.0) / num
            of_words = np.bincount(columns, error[rows], len(self.vocabulary))
            return np.append(of_words, [error @ self.lengths, error.sum()])

        return descend(gradient, curvature)


def descend(gradient: Callable[[Floats], Floats], curvature: Floats, penalty: float = _L2) -> Floats:
    """Minimises a convex loss plus a small square penalty, from zero, by Nesterov's method.

    Args:
        gradient: That of the loss.
        curvature: For each weight a bound of the loss's second derivative along it, so that no step is too long.
        penalty: Times half the squared weights.
    """
    weights = ahead = np.zeros_like(curvature)
    for step in range(_STEPS):
        new = ahead - (gradient(ahead) + penalty * ahead) / (curvature + penalty)
        ahead = new + step / (step + 3) * (new - weights)
        weights = new
    return weights


def _sigmoid(scores: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(scores, -50, 50))))


def _rank(scores: Floats) -> Floats:
    """The share of the scores that is lower than each: folds have classifiers, and so scales, of their own."""
    ordered = np.sort(scores)
    below = np.searchsorted(ordered, scores, "left") + np.searchsorted(ordered, scores, "right")
    return np.asarray(below / 2 / len(scores))
