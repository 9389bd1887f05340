"""Retrieval metrics: pure functions of one score matrix, with their exact chance values.

Letters: N clips, T texts. Some texts are a clip's own captions; others may be true of it too (such as another clip's
caption with the same words). Such a text is neither a hit nor a miss: it is excluded from the ranking of that clip, and
the clip from the ranking of that text.

The convention is that of AudioCaps and Clotho with several captions per clip. Text to audio: every caption is a query
and its clip the only answer. Audio to text: every clip is a query, its rank is that of its best caption, and average
precision at 10 is the sum over its captions among the first 10 of (captions so far / rank) / captions. A tie with a
false text or clip counts as lost: ranks are the worst that the scores allow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CUTOFF = 10
"""The number of places that average precision considers."""
_CHUNK_ENTRIES = 2_000_000

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Answers:
    """Which texts are correct answers for which clips.

    Attributes:
        num_texts: T; texts that are not in `own` or `known` are false of every clip.
        own: For each of the N clips, the numbers of its captions; at least one.
        known: For each clip, the numbers of further texts that may be true of it.
    """

    num_texts: int
    own: Sequence[Sequence[int]]
    known: Sequence[Sequence[int]]

    @cached_property
    def queries(self) -> tuple[Ints, Ints]:
        """The clip and the text of every caption, clip by clip."""
        clips = np.repeat(np.arange(len(self.own)), [len(texts) for texts in self.own])
        return clips, np.fromiter((text for texts in self.own for text in texts), np.int64)

    @cached_property
    def clips_of(self) -> dict[int, Ints]:
        """The clips of which each text may be true."""
        clips: dict[int, list[int]] = {}
        for clip, (own, known) in enumerate(zip(self.own, self.known, strict=True)):
            for text in {*own, *known}:
                clips.setdefault(text, []).append(clip)
        return {text: np.array(numbers) for text, numbers in clips.items()}


def text_to_audio_ranks(scores: Floats, answers: Answers) -> Ints:
    """The rank of the clip of every caption, from 1, in the order of `answers.queries`.

    Args:
        scores: Shape (N, T or more), higher is better.
        answers: The correct ones.

    Example:
        The second caption matches the first clip better than its own:

        >>> text_to_audio_ranks(np.array([[0.9, 0.8], [0.5, 0.6]]), Answers(2, [[0], [1]], [[], []]))
        array([1, 2])
    """
    clips, texts = answers.queries
    own = scores[clips, texts]
    ranks = np.empty(len(texts), dtype=np.int64)
    rows = max(1, _CHUNK_ENTRIES // len(scores))
    for start in range(0, len(texts), rows):
        chunk = slice(start, start + rows)
        ranks[chunk] = 1 + (scores[:, texts[chunk]] >= own[chunk]).sum(axis=0)
    for query, (text, score) in enumerate(zip(texts.tolist(), own.tolist(), strict=True)):
        ranks[query] -= int((scores[answers.clips_of[text], text] >= score).sum())
    return ranks


def audio_to_text_ranks(scores: Floats, answers: Answers) -> list[Ints]:
    """The ranks of the captions of every clip, from 1, ascending.

    Example:
        >>> audio_to_text_ranks(np.array([[0.9, 0.8], [0.5, 0.6]]), Answers(2, [[0], [1]], [[], []]))
        [array([1]), array([1])]
    """
    ranks = []
    for row, own, known in zip(scores, answers.own, answers.known, strict=True):
        true = np.sort(row[list(own)])[::-1]
        others = row[: answers.num_texts].copy()
        others[[*own, *known]] = -np.inf
        above = np.array([np.count_nonzero(others >= score) for score in true])
        ranks.append(above + np.arange(1, len(true) + 1))
    return ranks


def average_precision(ranks: Sequence[Ints], cutoff: int | None = CUTOFF) -> Floats:
    """The average precision of every query.

    Args:
        ranks: For each query, the ascending ranks of all correct answers.
        cutoff: A correct answer at a later place counts as not found; None considers all places.

    Example:
        >>> average_precision([np.array([1, 4]), np.array([2, 11])]).tolist()
        [0.75, 0.25]
    """
    found = []
    for places in ranks:
        precision = np.arange(1, len(places) + 1) / places
        found.append(float(precision[places <= (cutoff or np.inf)].sum()) / len(places))
    return np.array(found)


def recall_chance(num_right: Ints, num_all: Ints, k: int) -> float:
    """The exact probability that one of `num_right` among `num_all` is in the first k places, mean over queries.

    Example:
        >>> round(recall_chance(np.array([5]), np.array([100]), 10), 6)
        0.416248
    """
    return 1 - float(_none_in(num_right, num_all, k).mean())


def precision_chance(num_right: Ints, num_all: Ints, cutoff: int = CUTOFF) -> float:
    """The exact expectation of the mean average precision when all places are random.

    With m correct ones among n, place r has one with probability m / n, and then (r - 1)(m - 1) / (n - 1) others are
    expected before it; so the expectation is the sum over r of (1 + (r - 1)(m - 1) / (n - 1)) / (r n).
    """
    places = np.arange(1, cutoff + 1)[:, None]
    before = (places - 1) * (num_right - 1) / np.maximum(num_all - 1, 1)
    return float((np.where(places <= num_all, (1 + before) / places / num_all, 0)).sum(axis=0).mean())


def median_chance(num_right: Ints, num_all: Ints) -> float:
    """The median of the best rank of all queries when all places are random.

    Example:
        >>> median_chance(np.array([1]), np.array([100]))
        50.5
    """
    low, high = 1, int(num_all.max())
    while low < high:  # the first place up to which at least half of the probability lies
        middle = (low + high) // 2
        if 1 - float(_none_in(num_right, num_all, middle).mean()) >= 0.5 - 1e-12:
            high = middle
        else:
            low = middle + 1
    is_half = abs(float(_none_in(num_right, num_all, low).mean()) - 0.5) < 1e-12
    return low + 0.5 if is_half else float(low)


def _none_in(num_right: Ints, num_all: Ints, k: int) -> Floats:
    """For each query, the probability that no correct answer is in the first k places."""
    pairs, of_query = np.unique(np.stack([num_right, num_all]), axis=1, return_inverse=True)
    probabilities = []
    for right, all_ in pairs.T.tolist():
        missed = np.arange(right)
        probabilities.append(float(np.prod(np.maximum(all_ - k - missed, 0) / (all_ - missed))))
    return np.array(probabilities)[of_query.ravel()]
