"""Paraphrases: a model must tell true captions from false ones in other words, too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Group, Item, Scores
from benchmarks.metrics.intervals import interval
from benchmarks.metrics.pairs import paraphrase_chance, paraphrased
from benchmarks.results.result import Result, metric, rounded
from benchmarks.results.schema import Metric
from benchmarks.scorer import Scorer, checked

METRIC = "paraphrase"


class WithParaphrases:
    """A scorer that scores the paraphrases of items, too, in the same call of another scorer.

    Args:
        scorer: The other scorer.
        model: Its name.
        items: The items, each with as many paraphrases as captions.
    """

    def __init__(self, scorer: Scorer, model: str, items: Sequence[Item]) -> None:
        self._scorer = scorer
        self._model = model
        self._items = items
        self._scores: list[Scores] = []

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """The scores of the captions; see `Scorer`."""
        whole = [(item.audio, item.captions + item.paraphrases) for item in self._items]
        self._scores = checked(self._scorer.score(whole), whole, self._model, [item.id for item in self._items])
        return [scores[:, : len(texts)] for scores, (_, texts) in zip(self._scores, groups, strict=True)]

    def added_to(self, result: Result) -> Result:
        """The result with the paraphrase metric, over all items and over each kind."""
        won = paraphrased(np.stack(self._scores))
        metrics = {METRIC: self._metric(won, self._items)}
        for kind in dict.fromkeys(item.kind for item in self._items if item.kind):
            rows = [row for row, item in enumerate(self._items) if item.kind == kind]
            metrics[f"{METRIC}_{kind}"] = self._metric(won[rows], [self._items[row] for row in rows])
        records = [
            {
                **record,
                "correct": {**record["correct"], METRIC: bool(is_won)},
                "paraphrases": item.paraphrases,
                "paraphrase_scores": [[rounded(score) for score in row[len(item.captions) :]] for row in scores],
            }
            for record, item, scores, is_won in zip(result.items, self._items, self._scores, won, strict=True)
        ]
        return replace(result, metrics={**result.metrics, **metrics}, items=records)

    @staticmethod
    def _metric(won: NDArray[np.bool_], items: Sequence[Item]) -> Metric:
        chance = float(paraphrase_chance(len(items[0].audio)))
        return metric(won.mean(), interval(won, [item.sources for item in items]), chance)
