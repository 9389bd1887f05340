"""Balancing: drops negatives until a classifier of their words cannot tell the rest from their captions.

What gives a kind away is what it mostly changes in one direction: more men become women than women become men. A
logistic regression on the *differences* of each pair (n-grams that only the negative or only the caption has)
estimates how much more often a change goes that way than back, and as many of these pairs are dropped as makes both
directions equally frequent. Several rounds of that leave an edit and its reverse equally often. A kind whose edits
have no reverse ("without ...") loses nearly all of its negatives.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compa.manifest import Clip, Negative
from compa.utils.text import stable_hash
from negatives.checks.text_leak import MIN_PAIRS, Pair, leak_auc, n_grams

MAX_AUC = 0.60
"""What balancing promises."""
_TARGET_AUC = MAX_AUC - 0.03  # of the sample that is learned from; negatives outside it are balanced a little less well
_MAX_ROUNDS = 40
_STEP = 0.4  # fraction of the estimated excess that one round drops, so that few more fall than must
_MIN_COUNT = 4
_L2 = 1e-3  # what is rare in the sample is chance
_LENGTH = "\n"  # the feature for the difference in length; no n-gram has a line break
_WORDS_PER_UNIT = 10

Weights = dict[str, float]


@dataclass
class Balance:
    """Which negatives of a kind to drop: a pure function of the pair, learned from a sample.

    Attributes:
        rounds: Weights of the differences, one dictionary a round; a pair must survive every round.
        salt: Changes which pairs are dropped, not how many.
        drops_all: Drops every pair.
    """

    rounds: list[Weights] = field(default_factory=list)
    salt: int = 0
    drops_all: bool = False

    @property
    def drops_any(self) -> bool:
        """Whether there is something that it drops."""
        return self.drops_all or bool(self.rounds)

    def keeps(self, pair: Pair) -> bool:
        """Whether a pair survives."""
        if self.drops_all:
            return False
        changes = differences(pair)
        return all(self._survives(pair, changes, number) for number in range(len(self.rounds)))

    def add_round(self, weights: Weights, pairs: Sequence[Pair]) -> list[Pair]:
        """Adds a round and returns the pairs that survive it."""
        self.rounds.append(weights)
        return [pair for pair in pairs if self._survives(pair, differences(pair), len(self.rounds) - 1)]

    def _survives(self, pair: Pair, changes: Weights, number: int) -> bool:
        """Keeps 1 in exp(x) of the pairs that are exp(x) times too frequent, by a hash of pair and round."""
        weights = self.rounds[number]
        excess = sum(weights.get(gram, 0.0) * value for gram, value in changes.items())
        chance = f"{self.salt} {number} {pair[0]} {pair[1]}"
        return excess <= 0 or stable_hash(chance) < math.exp(-excess) * 2**64


def learn(pairs: Sequence[Pair], max_auc: float = _TARGET_AUC, salt: int = 0) -> Balance:
    """Learns from a sample of the pairs of one kind what to drop so that at most `max_auc` remains.

    It stops where fewer than `MIN_PAIRS` would be left, which are too few to measure.
    """
    balance, left = Balance(salt=salt), list(pairs)
    while len(balance.rounds) < _MAX_ROUNDS and len(left) >= MIN_PAIRS and leak_auc(left) > max_auc:
        left = balance.add_round(_excess_weights([differences(pair) for pair in left]), left)
    return balance


def drop(
    clips: Iterable[Clip], balances: Sequence[Mapping[str, Balance]], dropped: Counter[str] | None = None
) -> Iterator[Clip]:
    """Yields the clips without the negatives that a balance of their kind drops, and counts these by kind."""
    for clip in clips:
        kept = [negative for negative in clip.negatives if all(_keeps(clip, negative, each) for each in balances)]
        if len(kept) < len(clip.negatives):
            if dropped is not None:
                dropped += Counter(negative.kind for negative in clip.negatives)
                dropped -= Counter(negative.kind for negative in kept)
            clip = replace(clip, negatives=tuple(kept))
        yield clip


def differences(pair: Pair) -> Weights:
    """What a negative has more than its caption: +1 for its own n-grams, -1 for the caption's, and words more."""
    caption, negative = (dict.fromkeys(n_grams(text)) for text in pair)
    found = {gram: 1.0 for gram in negative if gram not in caption}
    found |= {gram: -1.0 for gram in caption if gram not in negative}
    return found | {_LENGTH: (len(pair[1].split()) - len(pair[0].split())) / _WORDS_PER_UNIT}


def _keeps(clip: Clip, negative: Negative, balances: Mapping[str, Balance]) -> bool:
    balance = balances.get(negative.kind)
    if balance is None or negative.of is None or not 0 <= negative.of < len(clip.captions):
        return True
    return balance.keeps((clip.captions[negative.of], negative.text))


def _excess_weights(changes: Sequence[Weights]) -> Weights:
    """Weights w for which 1 / (1 + exp(-w · difference)) is the fraction of pairs that differ this way, not back."""
    from scipy.sparse import vstack
    from sklearn.feature_extraction import DictVectorizer
    from sklearn.linear_model import LogisticRegression

    counts = Counter(gram for change in changes for gram in change)
    columns = DictVectorizer()
    this_way = columns.fit_transform(
        [{gram: value for gram, value in change.items() if counts[gram] >= _MIN_COUNT} for change in changes]
    )
    labels = [1] * len(changes) + [0] * len(changes)
    model = LogisticRegression(C=1 / (_L2 * len(labels)), fit_intercept=False, solver="liblinear")
    weights = model.fit(vstack([this_way, -this_way]), labels).coef_[0]
    return {gram: _STEP * float(weights[column]) for gram, column in columns.vocabulary_.items()}
