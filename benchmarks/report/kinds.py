"""Heat maps: the fraction of items that models win, by kind of item and by sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import TaskResults
from benchmarks.results.result import Result

FACETS = {"kind": "kind", "labels": "sound"}
"""Keys of items that have a heat map, and their titles; an item has one value of a key, or several."""
MAX_COLUMNS = 24


@dataclass(frozen=True)
class HeatMap:
    """Fractions of items won.

    Attributes:
        task: Task and data.
        facet: What the columns stand for.
        columns: Values of the facet, each with its number of items.
        rows: Models, without controls, each with its fraction in every column (None where it has no item).
        num_omitted: How many columns are left out; the hardest ones are shown.
    """

    task: TaskResults
    facet: str
    columns: Sequence[tuple[str, int]]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    num_omitted: int


def heat_maps(tasks: Sequence[TaskResults]) -> list[HeatMap]:
    """Makes a heat map of every task and facet in which the items differ."""
    maps = (_heat_map(task, key, facet) for task in tasks for key, facet in FACETS.items())
    return [found for found in maps if found is not None]


def _heat_map(task: TaskResults, key: str, facet: str) -> HeatMap | None:
    models = [result for result in task.results if not result.is_control]
    won = {result.model: _won(result, key, task.headline.name) for result in models}
    counts: dict[str, int] = {}
    for outcomes in won.values():
        for value, some in outcomes.items():
            counts[value] = max(counts.get(value, 0), len(some))
    if len(counts) < 2:
        return None
    fractions = {model: {value: sum(some) / len(some) for value, some in won[model].items()} for model in won}
    hardest = sorted(counts, key=lambda value: (sum(row.get(value, 0.0) for row in fractions.values()), value))
    shown = sorted(counts) if len(counts) <= MAX_COLUMNS else hardest[:MAX_COLUMNS]
    return HeatMap(
        task,
        facet,
        [(value, counts[value]) for value in shown],
        [(model, [row.get(value) for value in shown]) for model, row in fractions.items() if row],
        len(counts) - len(shown),
    )


def _won(result: Result, key: str, metric: str) -> dict[str, list[bool]]:
    """Lists for each value of the facet which of its items were won."""
    outcomes = defaultdict(list)
    for item in result.items:
        correct = item.get("correct")
        if isinstance(correct, Mapping) and metric in correct:
            for value in _values(item.get(key)):
                outcomes[value].append(bool(correct[metric]))
    return dict(outcomes)


def _values(facet: Any) -> list[str]:
    if facet is None:
        return []
    return sorted({str(value) for value in facet}) if isinstance(facet, list | tuple) else [str(facet)]
