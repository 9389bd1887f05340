"""What all pair tasks share: n audios and n captions an item, and a scorer that has to match them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

import compa
from benchmarks.intervals import interval
from benchmarks.metrics import METRICS, mean_chance, outcomes
from benchmarks.results import Result, rounded
from benchmarks.scorer import Scorer, Scores, checked
from benchmarks.tasks import Item, Material, TestSet


@dataclass(frozen=True)
class PairTask(ABC):
    """A task whose items are pairs of audios and captions.

    Attributes:
        name: What users call it.
        version: Rises whenever scores stop being comparable.
        measures: What a high score means, in one sentence.
        needs: What a user has to bring.
        expected: How many items there are when nothing is missing.
    """

    name: str
    version: int
    measures: str
    needs: str
    expected: int

    @abstractmethod
    def items(self, material: Material, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them; the same ones for every model and seed."""

    def prepare(self, material: Material, limit: int | None = None) -> TestSet:
        """Makes the items and says what they are made of."""
        items, bank = self.items(material, limit), material.bank
        if not items:
            raise ValueError(f"{self.name} finds nothing to measure in {bank.name}: no item can be made of it")
        data = {
            "name": bank.name,
            "fingerprint": bank.fingerprint,
            "found": len(items),
            "expected": self.expected,
        }
        return TestSet(items, data)

    def run(self, scorer: Scorer, model: str, test_set: TestSet, seed: int) -> Result:
        """Puts all items to a scorer in one call and measures text, audio, group and ties.

        Args:
            scorer: The model.
            model: Its name in the result.
            test_set: From `prepare`.
            seed: Recorded in the result.
        """
        items = test_set.items
        groups = [(item.audio, item.captions) for item in items]
        scores = checked(scorer.score(groups), groups, model, [item.id for item in items])
        won = outcomes(np.stack(scores))
        return Result(
            model=model,
            task=self.name,
            task_version=self.version,
            data=test_set.data,
            seed=seed,
            code_version=compa.__version__,
            metrics=_metrics(won, items),
            items=[
                _record(item, matrix, {name: bool(won[name][i]) for name in METRICS})
                for i, (item, matrix) in enumerate(zip(items, scores, strict=True))
            ],
        )


def _metrics(won: dict[str, Any], items: Sequence[Item]) -> dict[str, dict[str, Any]]:
    metrics = {name: _metric(name, won[name], items) for name in METRICS}
    for kind in dict.fromkeys(item.kind for item in items if item.kind):
        rows = [row for row, item in enumerate(items) if item.kind == kind]
        some = [items[row] for row in rows]
        metrics |= {f"{name}_{kind}": _metric(name, won[name][rows], some) for name in METRICS if name != "ties"}
    return metrics


def _metric(name: str, won: Any, items: Sequence[Item]) -> dict[str, Any]:
    low, high, method = interval(won, [item.sources for item in items])
    return {
        "value": float(np.mean(won)),
        "low": rounded(low),
        "high": rounded(high),
        "chance": float(mean_chance(len(item.audio) for item in items)[name]),
        "method": method,
    }


def _record(item: Item, scores: Scores, won: dict[str, bool]) -> dict[str, Any]:
    record = {
        "id": item.id,
        "audio": item.audio_ids,
        "captions": item.captions,
        "labels": item.labels,
        "recordings": item.recordings,
        "sources": item.sources,
        "scores": [[rounded(score) for score in row] for row in scores],
        "correct": won,
    }
    return record if item.kind is None else record | {"kind": item.kind}
