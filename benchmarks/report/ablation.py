"""What each part of an ablation adds: a table and a picture of models that have one part more each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.metrics.paired import Difference, paired_difference
from benchmarks.results.compare import compare
from benchmarks.results.result import Result

METRICS = ("group", "accuracy")
"""What is told of a task: the first of these that it has."""


@dataclass(frozen=True)
class Cell:
    """A variant in a task.

    Attributes:
        score: Mean over seeds, with its interval over new items and new seeds.
        added: What it has more than the variant above it; None of the first one.
    """

    score: Difference
    added: Difference | None


Table = dict[str, dict[str, Cell]]
"""By the names of the variant and then of the task with its metric."""


def compare_in_turn(results: Mapping[str, Sequence[Sequence[Result]]]) -> Table:
    """Compares each variant with the one above it.

    Args:
        results: For each variant, from the plainest on, for each task the results of all seeds, seeds in one order.
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
    """The table in Markdown.

    Args:
        table: From `compare_in_turn`.
        about: What each variant has more than the one above it.
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
    """Draws the scores and their intervals, a panel a task, into an image file."""
    from matplotlib.figure import Figure

    tasks = list(next(iter(table.values())))
    places = np.arange(len(table))[::-1]
    figure = Figure(figsize=(2.2 + 2.9 * len(tasks), 1.2 + 0.45 * len(table)), layout="constrained")
    figure.suptitle(title, fontsize=10)
    for number, (axes, task) in enumerate(zip(figure.subplots(1, len(tasks), squeeze=False)[0], tasks, strict=True)):
        scores = [cells[task].score for cells in table.values()]
        values = np.array([score.value for score in scores])
        reach = np.abs(np.array([[score.low, score.high] for score in scores]).T - values)
        axes.errorbar(values, places, xerr=reach, fmt="o", color="#4477aa", capsize=3)
        axes.set_title(task, fontsize=10)
        axes.set_xlim(-0.02, 1.02)
        axes.set_yticks(places, list(table) if number == 0 else [""] * len(table))
        axes.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=120)


def _score(seeds: Sequence[Result], metric: str) -> Difference:
    """The mean over seeds: what they win more than who never wins."""
    won = np.array([[float(item["correct"][metric]) for item in result.items] for result in seeds])
    sources = [item.get("sources") or [] for item in seeds[0].items]
    score = paired_difference(won, np.zeros_like(won), sources)
    return score._replace(low=max(score.low, 0.0))
