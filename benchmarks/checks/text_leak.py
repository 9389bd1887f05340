"""The leak test: can a classifier that only reads tell true captions from false ones?

On pairs of 2 x 2 a scorer that only reads gets exactly 0, which proves nothing: what the words give away may still
have taught a model to read instead of listen. AUC 0.5 is a set that gives nothing away. Where a score that only
reads could exceed chance (one clip, true and false texts), its accuracy is told, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics.intervals import interval
from benchmarks.metrics.pairs import auc, placements
from benchmarks.metrics.resampling import jackknife
from benchmarks.results.result import metric
from benchmarks.results.schema import Metric
from negatives.checks.text_leak import MIN_PAIRS, pair_scores
from negatives.language.inflection import words_of

LEAK = "text_leak_auc"
TEXT_ONLY = "text_only"


@dataclass(frozen=True)
class Texts:
    """What is said of one item.

    Attributes:
        true: Texts as they come true first: of a pair of captions, the first one.
        false: The texts that stand against them.
        recordings: The source recordings of the item.
    """

    true: Sequence[str]
    false: Sequence[str]
    recordings: Sequence[str]


def leak_metrics(items: Sequence[Texts], accuracy: bool = False) -> dict[str, Metric]:
    """The metrics of the leak test; none where there are too few texts to fit a classifier.

    Args:
        items: The texts of every item; those without a false one tell nothing.
        accuracy: Whether to tell how often a true text reads more like one than every false text of its item.

    Returns:
        `text_leak_auc`, in k folds of items whose first texts have different words, and `text_only` if asked for.
    """
    telling = [item for item in items if item.true and item.false]
    pairs = [(true, false) for item in telling for true in item.true for false in item.false]
    if len(pairs) < MIN_PAIRS:
        return {}
    of_item = np.repeat(np.arange(len(telling)), [len(item.true) * len(item.false) for item in telling])
    # An item and its mirror image have the same words: in two folds each would teach the other's texts to be false.
    keys = [" ".join(sorted(words_of(item.true[0]))) for item in telling]
    true, false = -pair_scores(pairs, [keys[number] for number in of_item]).T
    value = auc(true, false)
    influence = np.bincount(of_item, placements(true, false) - value) / len(pairs)
    influence += np.bincount(of_item, 1 - placements(false, true) - value) / len(pairs)
    recordings = [item.recordings for item in telling]
    metrics = {LEAK: metric(value, jackknife(value, influence, recordings), 0.5)}
    if accuracy:
        won = _won(telling, true, false)
        chance = np.mean([len(set(item.true)) / len({*item.true, *item.false}) for item in telling])
        metrics[TEXT_ONLY] = metric(float(won.mean()), interval(won, recordings), float(chance))
    return metrics


def _won(items: Sequence[Texts], true: NDArray[np.float64], false: NDArray[np.float64]) -> NDArray[np.bool_]:
    won, start = [], 0
    for item in items:
        end = start + len(item.true) * len(item.false)
        won.append(true[start:end].max() > false[start:end].max())
        start = end
    return np.array(won)
