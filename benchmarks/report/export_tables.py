"""The scores as tables in Markdown, for papers and documents, and as CSV, for computing."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from benchmarks.report.metric_display import MetricDisplay
from benchmarks.report.task_results import TaskResults
from benchmarks.results.result import Result

_COLUMNS = (
    "task", "task_version", "data", "fingerprint", "found", "expected", "model", "seed", "code_version",
    "metric", "value", "low", "high", "chance", "method",
)  # fmt: skip


def markdown_tables(tasks: Sequence[TaskResults]) -> str:
    """One table for each task, data, direction and protocol: models, their scores with intervals, and chance."""
    return "\n".join(_table(task, title, metrics) for task in tasks for title, metrics in task.tables.items())


def csv_table(tasks: Sequence[TaskResults]) -> str:
    """One line for each model, task and metric, with everything that the result file holds except its items."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for task in tasks:
        for result in task.results:
            head = [task.name, task.version, task.data, task.fingerprint, result.data["found"]]
            head += [result.data["expected"], result.model, result.seed, result.code_version]
            for name, metric in result.metrics.items():
                writer.writerow([*head, name, *(metric[key] for key in ("value", "low", "high", "chance", "method"))])
    return text.getvalue()


def _table(task: TaskResults, title: str, metrics: Sequence[MetricDisplay]) -> str:
    rows = [["model", *(metric.column for metric in metrics)], ["---", *("---:" for _ in metrics)]]
    rows += [[result.model, *(_score(result, metric) for metric in metrics)] for result in task.results]
    rows.append(["*chance*", *(metric.format(metric.chance) for metric in metrics)])
    names = [metric.name for metric in metrics]
    methods = {r.metrics[name]["method"] for r in task.results for name in names if name in r.metrics}
    found, expected = task.best.data["found"], task.best.data["expected"]
    lines = [
        f"### {_escaped(task.title)}, version {task.version}{f': {title.lower()}' if title else ''}\n",
        *(f"| {' | '.join(map(_escaped, row))} |" for row in rows),
        f"\n{found} of {expected} items; 95 % intervals: {', '.join(sorted(methods))}.\n",
    ]
    return "\n".join(lines)


def _score(result: Result, metric: MetricDisplay) -> str:
    if metric.name not in result.metrics:
        return "–"
    value, low, high = (metric.format(result.metrics[metric.name][key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _escaped(text: str) -> str:
    for mark, replacement in (("&", "&amp;"), ("<", "&lt;"), ("|", r"\|"), ("\n", " ")):
        text = text.replace(mark, replacement)
    return text
