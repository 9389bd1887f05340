"""Scatter plots of general skill (x) against composition (y): what training for composition costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import TaskResults
from benchmarks.results.result import Result


@dataclass(frozen=True)
class Point:
    """A model that was measured in both tasks, with the headline metric of each (`value`, `low`, `high`)."""

    model: str
    is_control: bool
    general: Mapping[str, Any]
    composition: Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """One plot: a general task, a task of composition, and a point for each model."""

    general: TaskResults
    composition: TaskResults
    points: Sequence[Point]


def retention_panels(tasks: Sequence[TaskResults]) -> list[Panel]:
    """Makes a panel for each pair of a general task and a task of composition that some model was measured in."""
    panels = [
        Panel(general, composition, _points(general, composition))
        for composition in tasks
        if composition.is_composition
        for general in tasks
        if not general.is_composition
    ]
    return [panel for panel in panels if any(not point.is_control for point in panel.points)]


def _points(general: TaskResults, composition: TaskResults) -> list[Point]:
    scores = _headlines(general)
    return [
        Point(model, result.is_control, scores[model][1], metric)
        for model, (result, metric) in _headlines(composition).items()
        if model in scores
    ]


def _headlines(task: TaskResults) -> dict[str, tuple[Result, Mapping[str, Any]]]:
    name = task.headline.name
    return {result.model: (result, result.metrics[name]) for result in task.results if name in result.metrics}
