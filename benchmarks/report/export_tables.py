"""The scores for papers: Markdown to read, CSV to compute with."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from benchmarks.report.metric_display import Measure
from benchmarks.report.task_results import Block
from benchmarks.results.result import Result

_COLUMNS = (
    "task", "task_version", "data", "fingerprint", "found", "expected", "model", "seed", "code_version",
    "metric", "value", "low", "high", "chance", "method",
)  # fmt: skip


def markdown(blocks: Sequence[Block]) -> str:
    """A table a task, data, direction and protocol: models, their scores with intervals, and chance."""
    return "\n".join(_table(block, title, some) for block in blocks for title, some in block.tables.items())


def comma_separated(blocks: Sequence[Block]) -> str:
    """One line a model, task and metric, with all that is known of it but the items."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    for block in blocks:
        for result in block.results:
            head = [block.task, block.version, block.data, block.fingerprint, result.data["found"]]
            head += [result.data["expected"], result.model, result.seed, result.code_version]
            for name, metric in result.metrics.items():
                writer.writerow([*head, name, *(metric[key] for key in ("value", "low", "high", "chance", "method"))])
    return text.getvalue()


def _table(block: Block, title: str, measures: Sequence[Measure]) -> str:
    rows = [["model", *(measure.column for measure in measures)], ["---", *("---:" for _ in measures)]]
    rows += [[result.model, *(_score(result, measure) for measure in measures)] for result in block.results]
    rows.append(["*chance*", *(measure.text(measure.chance) for measure in measures)])
    names = [measure.name for measure in measures]
    methods = {r.metrics[name]["method"] for r in block.results for name in names if name in r.metrics}
    found, expected = block.leader.data["found"], block.leader.data["expected"]
    lines = [
        f"### {_escaped(block.title)}, version {block.version}{f': {title.lower()}' if title else ''}\n",
        *(f"| {' | '.join(map(_escaped, row))} |" for row in rows),
        f"\n{found} of {expected} items; 95 % intervals: {', '.join(sorted(methods))}.\n",
    ]
    return "\n".join(lines)


def _score(result: Result, measure: Measure) -> str:
    if measure.name not in result.metrics:
        return "–"
    value, low, high = (measure.text(result.metrics[measure.name][key]) for key in ("value", "low", "high"))
    return f"{value} [{low}, {high}]"


def _escaped(text: str) -> str:
    for mark, instead in (("&", "&amp;"), ("<", "&lt;"), ("|", r"\|"), ("\n", " ")):
        text = text.replace(mark, instead)
    return text
