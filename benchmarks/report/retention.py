"""Retention beside composition: what a model can do in general, across; whether it tells who sounds when, up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import Block
from benchmarks.results.result import Result


@dataclass(frozen=True)
class Point:
    """A model in both tasks, with the headline metric of each."""

    model: str
    is_control: bool
    across: Mapping[str, Any]
    up: Mapping[str, Any]


@dataclass(frozen=True)
class Panel:
    """One general task across, one task of composition up."""

    across: Block
    up: Block
    points: Sequence[Point]


def panels(blocks: Sequence[Block]) -> list[Panel]:
    """A panel for each general task with each task of composition that some model was put to both."""
    made = [
        Panel(across, up, _points(across, up))
        for up in blocks
        if up.is_composition
        for across in blocks
        if not across.is_composition
    ]
    return [panel for panel in made if any(not point.is_control for point in panel.points)]


def _points(across: Block, up: Block) -> list[Point]:
    scores = _headlines(across)
    return [
        Point(model, result.is_control, scores[model][1], metric)
        for model, (result, metric) in _headlines(up).items()
        if model in scores
    ]


def _headlines(block: Block) -> dict[str, tuple[Result, Mapping[str, Any]]]:
    name = block.headline.name
    return {result.model: (result, result.metrics[name]) for result in block.results if name in result.metrics}
