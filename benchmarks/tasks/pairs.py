"""Tasks of pairs and triplets: which text belongs to which audio, when everything is the same except for one thing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from benchmarks.checks.text_leak import Texts, leak_metrics
from benchmarks.items import Item, Scores
from benchmarks.metrics.intervals import interval
from benchmarks.metrics.pairs import margins, mean_chance, outcomes, placements
from benchmarks.metrics.resampling import jackknife
from benchmarks.results.result import Result, metric, rounded
from benchmarks.results.schema import Metric
from benchmarks.scorer import Scorer, checked
from benchmarks.tasks.task import TaskInputs, TestSet

WITH_TRIPLETS = "_triplets"
"""Suffix of metrics in which a triplet counts as 3 x 3; in the others its first two audios and texts count."""
SCORED = ("text", "audio", "group")

Won = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class PairTask(ABC):
    """A task whose items are pairs of audios and captions, or triplets whose first two are a pair.

    Attributes:
        name: What users call it.
        version: Rises whenever scores stop being comparable.
        measures: What a high score means, in one sentence.
        needs: What the user has to provide.
        expected: The number of items when nothing is missing.
        needs_model: See `Task`.
    """

    needs_model: ClassVar[type] = Scorer

    name: str
    version: int
    measures: str
    needs: str
    expected: int

    @abstractmethod
    def items(self, inputs: TaskInputs, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them; the same ones for every model and seed."""

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> TestSet:
        """Makes the items and describes what they are made of."""
        items, bank = self.items(inputs, limit), inputs.bank
        if not items:
            raise ValueError(f"{self.name} cannot make any item of {bank.name}")
        data = {
            "name": bank.name,
            "fingerprint": bank.fingerprint,
            "found": len(items),
            "expected": self.expected,
        }
        return TestSet(items, data, leaks_of(items))

    def run(self, model: Scorer, name: str, /, test_set: TestSet, seed: int) -> Result:
        """Scores all items in one call and measures text, audio, group, ties and the AUC; see `Task`."""
        items = test_set.items
        groups = [(item.audio, item.captions) for item in items]
        scores = checked(model.score(groups), groups, name, [item.id for item in items])
        won, leads = outcomes_of(scores)
        records = [
            _record(item, matrix, won, leads, number)
            for number, (item, matrix) in enumerate(zip(items, scores, strict=True))
        ]
        return test_set.result(self, name, seed, _metrics(won, scores, items), records)


def leaks_of(items: Sequence[Item]) -> dict[str, Metric]:
    """How well a classifier of words alone separates the first caption of each item from the others."""
    return leak_metrics([Texts(item.captions[:1], item.captions[1:], item.sources) for item in items])


def outcomes_of(scores: Sequence[Scores]) -> tuple[Won, Mapping[str, NDArray[np.float64]]]:
    """Which items are won, and with which margin, in both protocols.

    Args:
        scores: One matrix per item, 2 x 2 or 3 x 3.

    Returns:
        An array of shape (items,) per metric, with the suffix `_triplets` too if there are triplets; and the margins
        `text` and `audio` of pairs.
    """
    sizes = np.array([len(matrix) for matrix in scores])
    pairs = np.stack([matrix[:2, :2] for matrix in scores]) if (sizes > 2).any() else np.stack(scores)
    won = outcomes(pairs)
    for size in np.unique(sizes[sizes > 2]):
        rows = np.flatnonzero(sizes == size)
        whole = outcomes(np.stack([scores[row] for row in rows.tolist()]))
        for name in SCORED:
            won.setdefault(name + WITH_TRIPLETS, won[name].copy())[rows] = whole[name]
    return won, margins(pairs)


def _metrics(won: Won, scores: Sequence[Scores], items: Sequence[Item]) -> dict[str, Metric]:
    every = np.ones(len(items), bool)
    metrics = {name: _fraction(name, won, items, every) for name in won}
    metrics["auc"] = _auc(scores, items)
    for kind in dict.fromkeys(item.kind for item in items if item.kind is not None):
        chosen = np.array([item.kind == kind for item in items])
        metrics |= {f"{name}_{kind}": _fraction(name, won, items, chosen) for name in SCORED}
    return metrics


def _fraction(name: str, won: Won, items: Sequence[Item], chosen: NDArray[np.bool_]) -> Metric:
    """A metric over the chosen items."""
    some = [item for item, is_chosen in zip(items, chosen.tolist(), strict=True) if is_chosen]
    sizes = (len(item.audio) if name.endswith(WITH_TRIPLETS) else 2 for item in some)
    chance = mean_chance(sizes)[name.removesuffix(WITH_TRIPLETS)]
    return metric(won[name][chosen].mean(), interval(won[name][chosen], [item.sources for item in some]), float(chance))


def _auc(scores: Sequence[Scores], items: Sequence[Item]) -> Metric:
    """How well one threshold for all pairs separates true from false ones."""
    pairs = np.stack([matrix[:2, :2] for matrix in scores])
    true, false = pairs[:, [0, 1], [0, 1]], pairs[:, [0, 1], [1, 0]]
    of_true, of_false = placements(true, false), 1 - placements(false, true)
    value = float(of_true.mean())
    influence = (of_true + of_false - 2 * value).sum(axis=1) / true.size
    return metric(value, jackknife(value, influence, [item.sources for item in items]), 0.5)


def _record(
    item: Item, scores: Scores, won: Won, leads: Mapping[str, NDArray[np.float64]], number: int
) -> dict[str, Any]:
    record = {
        "id": item.id,
        "audio": item.audio_ids,
        "captions": item.captions,
        "labels": item.labels,
        "recordings": item.recordings,
        "sources": item.sources,
        "scores": [[rounded(score) for score in row] for row in scores.tolist()],
        "correct": {name: bool(won[name][number]) for name in won},
        "margins": {side: rounded(float(lead[number])) for side, lead in leads.items()},
    }
    return record if item.kind is None else record | {"kind": item.kind}
