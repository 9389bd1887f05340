"""Results grouped by task and data: those that may be compared with each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from benchmarks.report.metric_display import MetricDisplay, displayed_metrics, metric_display
from benchmarks.results.result import Result
from benchmarks.results.table import BESIDE, ranked
from benchmarks.tasks import tasks

GROUP = "group"
"""The metric that only tasks of composition have."""


@dataclass(frozen=True)
class TaskResults:
    """All results of one task on the same data.

    Attributes:
        name: Name of the task.
        version: Version of the task.
        data: Name of the data; empty where it has none.
        fingerprint: Fingerprint of the data.
        description: What the task measures; empty where this version of compa does not know the task.
        metrics: Metrics that any of the results has.
        results: One result a model, the best first and controls last.
    """

    name: str
    version: int
    data: str
    fingerprint: str
    description: str
    metrics: Sequence[MetricDisplay]
    results: Sequence[Result]

    @property
    def headline(self) -> MetricDisplay:
        """The metric that summarizes the task: `group` where there is one, else the first."""
        return next((metric for metric in self.metrics if metric.name == GROUP), self.metrics[0])

    @property
    def is_composition(self) -> bool:
        """Whether the task measures composition rather than general skill, which hard negatives can cost."""
        return self.headline.name == GROUP

    @property
    def title(self) -> str:
        """Task and data, and how many items were measured where that is not all of them."""
        details = ", ".join(filter(None, (self.data, self.best.coverage)))
        return f"{self.name} ({details})" if details else self.name

    @property
    def best(self) -> Result:
        """The result of the best model."""
        return self.results[0]

    @property
    def tables(self) -> dict[str, list[MetricDisplay]]:
        """The metrics, grouped by the title of the table they belong to."""
        found: dict[str, list[MetricDisplay]] = {}
        for metric in self.metrics:
            found.setdefault(metric.table, []).append(metric)
        return found

    @property
    def item_metrics(self) -> list[tuple[str, MetricDisplay, Mapping[str, Any]]]:
        """Metrics of the items themselves, which are the same for every model: title, display and values."""
        return [
            (
                title,
                metric_display(name, self.results),
                next(r.metrics[name] for r in self.results if name in r.metrics),
            )
            for name, title in BESIDE.items()
            if any(name in result.metrics for result in self.results)
        ]

    def control_scores(self, metric: str) -> list[float]:
        """The distinct scores of the controls, in ascending order."""
        return sorted({float(r.metrics[metric]["value"]) for r in self.results if r.is_control and metric in r.metrics})


def group_results(results: Sequence[Result]) -> list[TaskResults]:
    """Groups results by task and data; a result without any metric is left out."""
    known = tasks()
    groups = []
    for group in ranked(result for result in results if displayed_metrics([result])):
        first = group[0]
        description = known[first.task].measures if first.task in known else ""
        name, fingerprint = str(first.data.get("name", "")), str(first.data["fingerprint"])
        metrics = displayed_metrics(group)
        groups.append(
            _sorted(TaskResults(first.task, first.task_version, name, fingerprint, description, metrics, group))
        )
    return groups


def _sorted(task: TaskResults) -> TaskResults:
    """Sorts by the headline metric, the best first; models without it, and then controls, come last."""
    headline = task.headline
    sign = 1 if headline.lower_is_better else -1

    def rank(result: Result) -> tuple[bool, bool, float, str]:
        metric = result.metrics.get(headline.name)
        return result.is_control, metric is None, sign * float(metric["value"]) if metric else 0.0, result.model

    return replace(task, results=sorted(task.results, key=rank))
