"""Balancing: drops negatives until a reader cannot tell the rest from their captions.

What betrays a kind is what it always changes one way: more men become women than women men. A logistic regression
on *differences* (n-grams that a negative has and its caption lacks, and the reverse) tells how much more often a
change goes that way than back, and of every pair as many are dropped as brings both to the same number. Some rounds
of that leave an edit and its reverse equally often. A kind whose edits have no reverse ("without ...") loses nearly
all of its negatives.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from compa.manifest import Clip, Negative
from negatives.checks.text_leak import MIN_PAIRS, Floats, Pair, Reader, descend, n_grams
from negatives.rules import stable_hash

MAX_AUC = 0.60
_TARGET = MAX_AUC - 0.03  # of the sample that is learnt from; what is not in it is balanced a little less
MAX_ROUNDS = 40
_SHARE_A_ROUND = 0.4  # of what one round would drop, so that few negatives more fall than must
_MIN_COUNT = 4
_PENALTY = 1e-3  # what is rare in the sample is chance
_LENGTH = "\n"  # the column of the difference in length; no n-gram has a line break
_WORDS_OF_LENGTH = 10

Weights = dict[str, float]


@dataclass
class Balance:
    """Which negatives of a kind to drop: a pure function of the pair, learnt from a sample.

    Attributes:
        rounds: Weights of the differences, one dictionary a round; a pair must survive every round.
        salt: Others toss other coins.
        keeps_none: Drops every pair.
    """

    rounds: list[Weights] = field(default_factory=list)
    salt: int = 0
    keeps_none: bool = False

    @property
    def drops_any(self) -> bool:
        """Whether there is something that it drops."""
        return self.keeps_none or bool(self.rounds)

    def keeps(self, pair: Pair) -> bool:
        """Whether a pair survives."""
        if self.keeps_none:
            return False
        changes = differences(pair)
        return all(self._survives(pair, changes, number) for number in range(len(self.rounds)))

    def narrow(self, weights: Weights, pairs: Sequence[Pair], changes: Sequence[Weights]) -> list[bool]:
        """Adds a round; which of the pairs survive it."""
        self.rounds.append(weights)
        return [self._survives(pair, change, -1) for pair, change in zip(pairs, changes, strict=True)]

    def _survives(self, pair: Pair, changes: Weights, number: int) -> bool:
        """By a coin that is fixed for pair and round: what is exp(x) times too frequent keeps 1 in exp(x)."""
        weights = self.rounds[number]
        excess = sum(weights.get(gram, 0.0) * value for gram, value in changes.items())
        coin = f"{self.salt} {number % len(self.rounds)} {pair[0]} {pair[1]}"
        return excess <= 0 or stable_hash(coin) < math.exp(-excess) * 2**64


NOTHING = Balance(keeps_none=True)


def learn(pairs: Sequence[Pair], max_auc: float = _TARGET, salt: int = 0) -> Balance:
    """Learns from a sample of the pairs of one kind what to drop so that at most `max_auc` remains.

    It stops where fewer than `MIN_PAIRS` would be left, which are too few to tell.
    """
    balance, reader = Balance(salt=salt), Reader(pairs)
    changes = [differences(pair) for pair in pairs]
    kept = np.ones(len(pairs), bool)
    while len(balance.rounds) < MAX_ROUNDS and kept.sum() >= MIN_PAIRS and reader.auc(kept) > max_auc:
        left = [int(i) for i in np.flatnonzero(kept)]
        some = [changes[i] for i in left]
        kept[left] = balance.narrow(_fit(some), [pairs[i] for i in left], some)
    return balance


def drop(clips: Iterable[Clip], balances: dict[str, Balance], dropped: Counter[str]) -> Iterator[Clip]:
    """Yields the clips without the negatives that their kind's balance drops, and counts these by kind."""
    for clip in clips:
        kept = [negative for negative in clip.negatives if _keeps(clip, negative, balances)]
        if len(kept) < len(clip.negatives):
            dropped.update(negative.kind for negative in clip.negatives)
            dropped.subtract(negative.kind for negative in kept)
            clip = replace(clip, negatives=tuple(kept))
        yield clip


def differences(pair: Pair) -> Weights:
    """What a negative has more than its caption: +1 for its own n-grams, -1 for the caption's, and words more."""
    caption, negative = (dict.fromkeys(n_grams(text)) for text in pair)
    found = {gram: 1.0 for gram in negative if gram not in caption}
    found |= {gram: -1.0 for gram in caption if gram not in negative}
    return found | {_LENGTH: (len(pair[1].split()) - len(pair[0].split())) / _WORDS_OF_LENGTH}


def _keeps(clip: Clip, negative: Negative, balances: dict[str, Balance]) -> bool:
    balance = balances.get(negative.kind)
    if balance is None or negative.of is None or not 0 <= negative.of < len(clip.captions):
        return True
    return balance.keeps((clip.captions[negative.of], negative.text))


def _fit(changes: Sequence[Weights]) -> Weights:
    """Weights w for which 1 / (1 + exp(-w · difference)) is the share of pairs that differ this way, not back."""
    counts = Counter(gram for change in changes for gram in change)
    columns = {gram: i for i, gram in enumerate(g for g, count in counts.items() if count >= _MIN_COUNT)}
    entries = [
        (columns[gram], value, row)
        for row, change in enumerate(changes)
        for gram, value in change.items()
        if gram in columns and value
    ]
    column = np.array([entry[0] for entry in entries], np.int64)
    value = np.array([entry[1] for entry in entries])
    row = np.array([entry[2] for entry in entries], np.int64)
    num = len(changes)
    size = np.bincount(row, np.abs(value), num).max(initial=1.0)
    curvature = np.bincount(column, np.abs(value), len(columns)) * size / 4 / num

    def gradient(weights: Floats) -> Floats:
        scores = np.bincount(row, weights[column] * value, num)
        pull = -1.0 / (1.0 + np.exp(np.clip(scores, -50, 50))) / num
        return np.asarray(np.bincount(column, pull[row] * value, len(columns)), np.float64)

    weights = descend(gradient, curvature, _PENALTY)
    return {gram: _SHARE_A_ROUND * float(weights[i]) for gram, i in columns.items()}
