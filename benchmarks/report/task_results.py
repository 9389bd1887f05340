"""Blocks: the results of one task on the same data, which may be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.report.metric_display import Measure, measure, measures
from benchmarks.results.result import Result
from benchmarks.results.table import BESIDE, ranked
from benchmarks.tasks import tasks

GROUP = "group"
"""The metric that tasks of composition have, and others do not."""


@dataclass(frozen=True)
class Block:
    """The results of one task on the same data, the best first and controls last.

    Attributes:
        task: Name of the task.
        version: Version of the task.
        data: Name of the data, empty where it has none.
        fingerprint: Of the data.
        about: What the task measures; empty where this version of compa does not know the task.
        measures: The metrics that any of the results has.
        results: One a model.
    """

    task: str
    version: int
    data: str
    fingerprint: str
    about: str
    measures: Sequence[Measure]
    results: Sequence[Result]

    @property
    def headline(self) -> Measure:
        """The metric that stands for the task: `group` where there is one, else the first."""
        return next((one for one in self.measures if one.name == GROUP), self.measures[0])

    @property
    def is_composition(self) -> bool:
        """Whether the task asks for composition, not for the general skill that it may cost."""
        return self.headline.name == GROUP

    @property
    def title(self) -> str:
        """Task and data, and how much of it where that is not all."""
        beside = ", ".join(filter(None, (self.data, self.leader.coverage)))
        return f"{self.task} ({beside})" if beside else self.task

    @property
    def leader(self) -> Result:
        """The best model."""
        return self.results[0]

    @property
    def tables(self) -> dict[str, list[Measure]]:
        """The metrics by the table that they stand in."""
        found: dict[str, list[Measure]] = {}
        for one in self.measures:
            found.setdefault(one.table, []).append(one)
        return found

    @property
    def facts(self) -> list[tuple[str, Measure, Mapping[str, Any]]]:
        """What is measured of the items themselves, from the first result that has it, under a name for readers."""
        return [
            (called, measure(name, self.results), next(r.metrics[name] for r in self.results if name in r.metrics))
            for name, called in BESIDE.items()
            if any(name in result.metrics for result in self.results)
        ]

    def controls(self, metric: str) -> list[float]:
        """What the controls score, each different value once."""
        return sorted({float(r.metrics[metric]["value"]) for r in self.results if r.is_control and metric in r.metrics})


def blocks(results: Sequence[Result]) -> list[Block]:
    """One block a task and data; results without any metric are in none."""
    known = tasks()
    made = []
    for some in ranked(result for result in results if measures([result])):
        first = some[0]
        about = known[first.task].measures if first.task in known else ""
        name, fingerprint = str(first.data.get("name", "")), str(first.data["fingerprint"])
        block = Block(first.task, first.task_version, name, fingerprint, about, measures(some), some)
        made.append(_ordered(block))
    return made


def _ordered(block: Block) -> Block:
    """The block with its best result first, by whatever is its headline."""
    headline = block.headline
    sign = 1 if headline.lower_is_better else -1

    def rank(result: Result) -> tuple[bool, bool, float, str]:
        metric = result.metrics.get(headline.name)
        return result.is_control, metric is None, sign * float(metric["value"]) if metric else 0.0, result.model

    return replace(block, results=sorted(block.results, key=rank))
