"""The text-leak check: can a classifier that only reads tell captions from their own negatives?

If it can, a model may learn to read instead of listening. The classifier is a logistic regression on words, pairs of
neighboring words and the number of words. AUC 0.5: nothing can be told from the texts; 1.0: they give everything away.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from compa.utils.text import stable_hash
from negatives.language.inflection import words_of

NUM_FOLDS = 5
MIN_PAIRS = 100
"""With fewer pairs of a kind the classifier has too little to learn from."""

Pair = tuple[str, str]
"""A caption and one of its negatives."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class TextLeak:
    """How much the texts of one kind of negatives give away.

    Attributes:
        kind: The kind.
        pairs: Number of pairs that were examined.
        auc: Probability that a negative reads more like a negative than a caption does; None below `MIN_PAIRS` pairs.
        telltale_ngrams: (n-gram, negatives with it, captions with it), the most telling first.
    """

    kind: str
    pairs: int
    auc: float | None
    telltale_ngrams: Sequence[tuple[str, int, int]]


def text_leaks(pairs_by_kind: Mapping[str, Sequence[Pair]]) -> list[TextLeak]:
    """Checks each kind separately, in alphabetical order."""
    return [
        TextLeak(kind, len(pairs), leak_auc(pairs) if len(pairs) >= MIN_PAIRS else None, telltale_ngrams(pairs))
        for kind, pairs in sorted(pairs_by_kind.items())
    ]


def leak_auc(pairs: Sequence[Pair]) -> float:
    """AUC of the classifier on pairs that it was not fitted on; pairs of the same caption share a fold."""
    from sklearn.metrics import roc_auc_score

    scores = pair_scores(pairs, [caption.lower() for caption, _ in pairs])
    return float(roc_auc_score(np.tile([0, 1], len(pairs)), scores.ravel()))


def pair_scores(pairs: Sequence[Pair], groups: Sequence[str]) -> Floats:
    """How much each caption and its negative read like a negative, shape (pairs, 2), by a classifier fitted on others.

    Args:
        pairs: Captions and negatives.
        groups: One name a pair; pairs of the same group share a fold.
    """
    texts = [text for pair in pairs for text in pair]
    return out_of_fold_scores(texts, np.tile([False, True], len(pairs)), np.repeat(groups, 2).tolist()).reshape(-1, 2)


def out_of_fold_scores(texts: Sequence[str], labels: NDArray[np.bool_], groups: Sequence[str]) -> Floats:
    """Log odds of the label True for each text, by a classifier fitted on the folds that the text is not in.

    Folds are a hash of the groups' names, so that a text's fold does not depend on the other texts. With all texts in
    one fold there is nothing to fit, and all scores are 0.
    """
    from sklearn.model_selection import PredefinedSplit, cross_val_predict

    folds = [stable_hash(group) % NUM_FOLDS for group in groups]
    if len(set(folds)) < 2:
        return np.zeros(len(texts))
    scores = cross_val_predict(classifier(), texts, labels, cv=PredefinedSplit(folds), method="decision_function")
    return np.asarray(scores, np.float64)


def classifier() -> Any:
    """An unfitted scikit-learn pipeline from texts to labels."""
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    return make_pipeline(
        CountVectorizer(analyzer=_features, binary=True, min_df=2), LogisticRegression(solver="liblinear")
    )


def telltale_ngrams(pairs: Sequence[Pair], num: int = 8) -> list[tuple[str, int, int]]:
    """The n-grams whose counts in negatives and captions differ by the most standard deviations."""
    in_captions = Counter(gram for caption, _ in pairs for gram in set(n_grams(caption)))
    in_negatives = Counter(gram for _, negative in pairs for gram in set(n_grams(negative)))

    def surprise(gram: str) -> float:
        more, less = in_negatives[gram], in_captions[gram]
        return abs(more - less) / math.sqrt(more + less)

    grams = sorted(in_captions.keys() | in_negatives.keys(), key=lambda gram: (-surprise(gram), gram))
    return [(gram, in_negatives[gram], in_captions[gram]) for gram in grams[:num]]


def n_grams(text: str) -> list[str]:
    """The words of a text, and its pairs of neighboring words."""
    words = words_of(text)
    return words + [f"{a} {b}" for a, b in itertools.pairwise(words)]


def _features(text: str) -> list[str]:
    """N-grams, and the number of words as a token that no n-gram can be."""
    return [*n_grams(text), f"{len(text.split())} words in all\n"]
