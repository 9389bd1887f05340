"""The leaderboard: the headline metric of every model in every task; seeds of one recipe share a row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import TaskResults

_SEED = re.compile(r"^(.+?)[-_. ]?seed[-_=]?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """The headline metric of a model, or of several seeds of it.

    Attributes:
        value: The score; of several seeds, their mean.
        low: Lower end of its interval; of several seeds, the lowest score.
        high: Upper end of its interval; of several seeds, the highest score.
        seeds: The score of each seed, where there are several.
    """

    value: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """A model, or several seeds of it, with a cell for each task (None where it was not measured)."""

    name: str
    num_seeds: int
    is_control: bool
    cells: tuple[Cell | None, ...]


def recipe(model: str) -> str:
    """The name that seeds of one recipe share: a model's name without a trailing `seed<number>`.

    Example:
        >>> recipe("mine-seed3"), recipe("mine_seed=12"), recipe("mine"), recipe("seed4")
        ('mine', 'mine', 'mine', 'seed4')
    """
    found = _SEED.match(model)
    return found[1] if found else model


def leaderboard(tasks: Sequence[TaskResults]) -> list[Row]:
    """Makes one row a model or recipe: the best on average over all tasks first, controls last."""
    models = {result.model: result.is_control for task in tasks for result in task.results}
    members = defaultdict(list)
    for model in models:
        members[recipe(model)].append(model)
    rows = []
    for name, seeds in members.items():
        cells = tuple(_cell(task, seeds) for task in tasks)
        rows.append(Row(name if len(seeds) > 1 else seeds[0], len(seeds), models[seeds[0]], cells))
    return sorted(rows, key=lambda row: (row.is_control, -_average(row, tasks), row.name))


def _cell(task: TaskResults, models: Sequence[str]) -> Cell | None:
    metrics: list[Mapping[str, Any]] = [
        result.metrics[task.headline.name]
        for result in task.results
        if result.model in models and task.headline.name in result.metrics
    ]
    if not metrics:
        return None
    if len(metrics) == 1:
        return Cell(float(metrics[0]["value"]), float(metrics[0]["low"]), float(metrics[0]["high"]))
    values = sorted(float(metric["value"]) for metric in metrics)
    return Cell(sum(values) / len(values), values[0], values[-1], tuple(values))


def _average(row: Row, tasks: Sequence[TaskResults]) -> float:
    """Mean position of the row's scores between worst (0) and best (1) of each axis; a missing score counts 0."""
    total = 0.0
    for cell, task in zip(row.cells, tasks, strict=True):
        if cell is not None:
            position = task.headline.fraction(cell.value)
            total += 1 - position if task.headline.lower_is_better else position
    return total / len(tasks)
