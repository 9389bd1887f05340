"""Paraphrases: whoever tells a true caption from a false one has to do so in other words, too."""

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
    """A scorer that asks another one about the paraphrases of items, too, in the same call.

    Args:
        scorer: Whom to ask.
        model: Its name.
        items: What it will be asked, each with as many paraphrases as captions.
    """

    def __init__(self, scorer: Scorer, model: str, items: Sequence[Item]) -> None:
        self._scorer = scorer
        self._model = model
        self._items = items
        self._answers: list[Scores] = []

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """The scores of the captions; see `Scorer`."""
        asked = [(item.audio, item.captions + item.paraphrases) for item in self._items]
        self._answers = checked(self._scorer.score(asked), asked, self._model, [item.id for item in self._items])
        return [answer[:, : len(texts)] for answer, (_, texts) in zip(self._answers, groups, strict=True)]

    def added_to(self, result: Result) -> Result:
        """The result with what the paraphrases scored: over all items, and over each kind."""
        won = paraphrased(np.stack(self._answers))
        metrics = {METRIC: self._metric(won, self._items)}
        for kind in dict.fromkeys(item.kind for item in self._items if item.kind):
            rows = [row for row, item in enumerate(self._items) if item.kind == kind]
            metrics[f"{METRIC}_{kind}"] = self._metric(won[rows], [self._items[row] for row in rows])
        records = [
            {
                **record,
                "correct": {**record["correct"], METRIC: bool(is_won)},
                "paraphrases": item.paraphrases,
                "paraphrase_scores": [[rounded(score) for score in row[len(item.captions) :]] for row in answer],
            }
            for record, item, answer, is_won in zip(result.items, self._items, self._answers, won, strict=True)
        ]
        return replace(result, metrics={**result.metrics, **metrics}, items=records)

    @staticmethod
    def _metric(won: NDArray[np.bool_], items: Sequence[Item]) -> Metric:
        chance = float(paraphrase_chance(len(items[0].audio)))
        return metric(won.mean(), interval(won, [item.sources for item in items]), chance)
