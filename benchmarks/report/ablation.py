"""What each part of an ablation adds: a table and a plot of variants that each have one more part than the last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.metrics.paired import Difference, paired_difference
from benchmarks.results.compare import compare
from benchmarks.results.result import Result

METRICS = ("group", "accuracy")
"""The metric reported for a task is the first of these that it has."""


@dataclass(frozen=True)
class Cell:
    """The score of a variant in a task.

    Attributes:
        score: Mean over seeds, with an interval for new items and new seeds.
        added: Difference to the variant above; None for the first one.
    """

    score: Difference
    added: Difference | None


Table = dict[str, dict[str, Cell]]
"""Cells by name of the variant, then by task and metric."""


def compare_in_turn(results: Mapping[str, Sequence[Sequence[Result]]]) -> Table:
    """Compares each variant with the one above it.

    Args:
        results: For each variant, the plainest first, and each task: the results of all seeds, in the same order.
    """
    table: Table = {}
    above: Sequence[Sequence[Result]] | None = None
    for variant, tasks in results.items():
        table[variant] = {}
        for number, seeds in enumerate(tasks):
            metric = next(name for name in METRICS if name in seeds[0].metrics)
            added = None
            if above is not None:
                added = next(one for one in compare(seeds, above[number]) if one.metric == metric).difference
            table[variant][f"{seeds[0].task}, {metric}"] = Cell(_score(seeds, metric), added)
        above = tasks
    return table


def markdown(table: Table, about: Mapping[str, str]) -> str:
    """Formats the table in Markdown.

    Args:
        table: From `compare_in_turn`.
        about: Descriptions of what each variant adds to the one above it.
    """
    tasks = next(iter(table.values()))
    header = ["", *(cell for task in tasks for cell in (task, "added"))]
    lines = [header, ["---", *["---:"] * (2 * len(tasks))]]
    for variant, cells in table.items():
        row = [f"{variant}: {about[variant]}"]
        for cell in cells.values():
            score = cell.score
            row.append(f"{score.value:.3f} [{score.low:.3f}, {score.high:.3f}]")
            row.append(f"{cell.added.value:+.3f} [{cell.added.low:+.3f}, {cell.added.high:+.3f}]" if cell.added else "")
        lines.append(row)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def draw(table: Table, path: Path, title: str) -> None:
    """Plots the scores with their intervals into an image file, one panel a task."""
    from matplotlib.figure import Figure

    tasks = list(next(iter(table.values())))
    positions = np.arange(len(table))[::-1]
    figure = Figure(figsize=(2.2 + 2.9 * len(tasks), 1.2 + 0.45 * len(table)), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for number, (axes, task) in enumerate(zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True)):
        scores = [cells[task].score for cells in table.values()]
        values = np.array([score.value for score in scores])
        errors = np.abs(np.array([[score.low, score.high] for score in scores]).T - values)
        axes.errorbar(values, positions, xerr=errors, fmt="o", color="#4477aa", capsize=3)
        axes.set_title(task, fontsize=10)
        axes.set_xlim(-0.02, 1.02)
        axes.set_yticks(positions, list(table) if number == 0 else [""] * len(table))
        axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=120)


def _score(seeds: Sequence[Result], metric: str) -> Difference:
    """The mean over seeds, computed as their difference to a model that wins nothing."""
    won = np.array([[float(item["correct"][metric]) for item in result.items] for result in seeds])
    sources = [item.get("sources") or [] for item in seeds[0].items]
    score = paired_difference(won, np.zeros_like(won), sources)
    return score._replace(low=max(score.low, 0.0))
