"""The leak test: can a classifier of words alone separate true captions from false ones?

On 2 x 2 pairs a text-only scorer gets exactly 0, which proves nothing: a model may still have learned from the words
instead of the audio. An AUC of 0.5 means that the words reveal nothing. Where a text-only score could exceed chance
(one clip with true and false texts), its accuracy is measured too.
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
    """The texts of one item.

    Attributes:
        true: True texts; of a pair of captions, the first one.
        false: The texts that compete with them.
        recordings: The source recordings of the item.
    """

    true: Sequence[str]
    false: Sequence[str]
    recordings: Sequence[str]


def leak_metrics(items: Sequence[Texts], accuracy: bool = False) -> dict[str, Metric]:
    """The metrics of the leak test; empty with too few texts to fit a classifier.

    Args:
        items: The texts of every item; those without a false one are not used.
        accuracy: Whether to measure how often a true text gets a higher score than every false text of its item.

    Returns:
        `text_leak_auc`, by cross-validation in which items with the same words are in one fold, and with `accuracy`
        also `text_only`.
    """
    usable = [item for item in items if item.true and item.false]
    pairs = [(true, false) for item in usable for true in item.true for false in item.false]
    if len(pairs) < MIN_PAIRS:
        return {}
    of_item = np.repeat(np.arange(len(usable)), [len(item.true) * len(item.false) for item in usable])
    # An item and its mirror image have the same words: in different folds each would mislead about the other.
    keys = [" ".join(sorted(words_of(item.true[0]))) for item in usable]
    true, false = -pair_scores(pairs, [keys[number] for number in of_item]).T
    value = auc(true, false)
    influence = np.bincount(of_item, placements(true, false) - value) / len(pairs)
    influence += np.bincount(of_item, 1 - placements(false, true) - value) / len(pairs)
    recordings = [item.recordings for item in usable]
    metrics = {LEAK: metric(value, jackknife(value, influence, recordings), 0.5)}
    if accuracy:
        won = _won(usable, true, false)
        chance = np.mean([len(set(item.true)) / len({*item.true, *item.false}) for item in usable])
        metrics[TEXT_ONLY] = metric(float(won.mean()), interval(won, recordings), float(chance))
    return metrics


def _won(items: Sequence[Texts], true: NDArray[np.float64], false: NDArray[np.float64]) -> NDArray[np.bool_]:
    won, start = [], 0
    for item in items:
        end = start + len(item.true) * len(item.false)
        won.append(true[start:end].max() > false[start:end].max())
        start = end
    return np.array(won)
