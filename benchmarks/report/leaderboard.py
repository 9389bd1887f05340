"""The leaderboard: models by tasks, the headline metric of each, and the seeds of one recipe in one row."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import Block

_SEED = re.compile(r"^(.+?)[-_. ]?seed[-_=]?\d+$", re.IGNORECASE)


@dataclass(frozen=True)
class Cell:
    """A headline metric of a model, or of several seeds of it.

    Attributes:
        value: The score; the mean of seeds.
        low: End of its interval; the lowest of several seeds.
        high: End of its interval; the highest of several seeds.
        seeds: The score of each seed, where there are several.
    """

    value: float
    low: float
    high: float
    seeds: tuple[float, ...] = ()


@dataclass(frozen=True)
class Row:
    """A model, or several seeds of it, with a cell (or None) for each block."""

    name: str
    num_seeds: int
    is_control: bool
    cells: tuple[Cell | None, ...]


def recipe(model: str) -> str:
    """What the seeds of a model share: its name without a last `seed<number>`.

    Example:
        >>> recipe("mine-seed3"), recipe("mine_seed=12"), recipe("mine"), recipe("seed4")
        ('mine', 'mine', 'mine', 'seed4')
    """
    found = _SEED.match(model)
    return found[1] if found else model


def rows(blocks: Sequence[Block]) -> list[Row]:
    """One row a model or recipe: the best on average over all blocks first, controls last."""
    models = {result.model: result.is_control for block in blocks for result in block.results}
    members = defaultdict(list)
    for model in models:
        members[recipe(model)].append(model)
    made = []
    for name, some in members.items():
        cells = tuple(_cell(block, some) for block in blocks)
        made.append(Row(name if len(some) > 1 else some[0], len(some), models[some[0]], cells))
    return sorted(made, key=lambda row: (row.is_control, -_goodness(row, blocks), row.name))


def _cell(block: Block, models: Sequence[str]) -> Cell | None:
    metrics: list[Mapping[str, Any]] = [
        result.metrics[block.headline.name]
        for result in block.results
        if result.model in models and block.headline.name in result.metrics
    ]
    if not metrics:
        return None
    if len(metrics) == 1:
        return Cell(float(metrics[0]["value"]), float(metrics[0]["low"]), float(metrics[0]["high"]))
    values = sorted(float(metric["value"]) for metric in metrics)
    return Cell(sum(values) / len(values), values[0], values[-1], tuple(values))


def _goodness(row: Row, blocks: Sequence[Block]) -> float:
    """The mean over blocks of how far up each axis the row stands; what is missing counts as nothing."""
    total = 0.0
    for cell, block in zip(row.cells, blocks, strict=True):
        if cell is not None:
            measure = block.headline
            share = (cell.value - measure.low) / (measure.high - measure.low)
            total += 1 - share if measure.lower_is_better else share
    return total / len(blocks)
