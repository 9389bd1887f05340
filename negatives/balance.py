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
from negatives.blind import MIN_PAIRS, Floats, Pair, Reader, descend, n_grams
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
    """

    rounds: list[Weights] = field(default_factory=list)

    def keeps(self, pair: Pair) -> bool:
        """Whether a pair survives."""
        changes = differences(pair)
        return all(_survives(pair, changes, weights, number) for number, weights in enumerate(self.rounds))


def learn(pairs: Sequence[Pair], max_auc: float = _TARGET) -> Balance:
    """Learns from a sample of the pairs of one kind what to drop so that at most `max_auc` remains.

    It stops where fewer than `MIN_PAIRS` would be left, which are too few to tell.
    """
    balance, reader = Balance(), Reader(pairs)
    changes = [differences(pair) for pair in pairs]
    kept = np.ones(len(pairs), bool)
    while len(balance.rounds) < MAX_ROUNDS and kept.sum() >= MIN_PAIRS and reader.auc(kept) > max_auc:
        weights = _fit([change for change, is_kept in zip(changes, kept, strict=True) if is_kept])
        number = len(balance.rounds)
        for i in map(int, np.flatnonzero(kept)):
            kept[i] = _survives(pairs[i], changes[i], weights, number)
        balance.rounds.append(weights)
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
    caption, negative = (set(n_grams(text)) for text in pair)
    found = dict.fromkeys(negative - caption, 1.0) | dict.fromkeys(caption - negative, -1.0)
    return found | {_LENGTH: (len(pair[1].split()) - len(pair[0].split())) / _WORDS_OF_LENGTH}


def _keeps(clip: Clip, negative: Negative, balances: dict[str, Balance]) -> bool:
    balance = balances.get(negative.kind)
    if balance is None or negative.of is None or not 0 <= negative.of < len(clip.captions):
        return True
    return balance.keeps((clip.captions[negative.of], negative.text))


def _survives(pair: Pair, changes: Weights, weights: Weights, number: int) -> bool:
    """By a toss of a coin that is fixed for the pair and round: changes exp(x) times too frequent keep 1 in exp(x)."""
    excess = sum(weights.get(gram, 0.0) * value for gram, value in changes.items())
    return excess <= 0 or stable_hash(f"{number} {pair[0]} {pair[1]}") < math.exp(-excess) * 2**64


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
