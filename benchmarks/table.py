"""The table of scores, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.results import Result

SHOWN = ("text", "audio", "group")
"""The metrics that have a column each."""


def ranked(results: Iterable[Result]) -> list[list[Result]]:
    """Results that may be compared, together: one list a task and data, the best group score first, controls last."""

    def together(result: Result) -> tuple[str, int, str]:
        return result.task, result.task_version, str(result.data["fingerprint"])

    def rank(result: Result) -> tuple[bool, float, str]:
        return result.is_control, -_value(result, "group"), result.model

    blocks = groupby(sorted(results, key=together), key=together)
    return [sorted(block, key=rank) for _, block in blocks]


def score(result: Result, metric: str) -> str:
    """A score with its interval.

    Example:
        >>> metric = {"value": 0.84, "low": 0.8, "high": 0.875, "chance": 0.25, "method": "Wilson"}
        >>> score(Result("m", "t", 1, {}, 0, "", {"text": metric}, []), "text")
        '0.840 [0.800, 0.875]'
    """
    if metric not in result.metrics:
        return "-"
    values = result.metrics[metric]
    return f"{values['value']:.3f} [{values['low']:.3f}, {values['high']:.3f}]"


def text_table(results: Iterable[Result]) -> str:
    """A table for the terminal, with a line of chance values under each task."""
    rows = [["task", "model", *SHOWN], None]
    for block in ranked(results):
        if len(rows) > 2:
            rows.append(None)
        rows += _rows(block)
    cells = [row for row in rows if row is not None]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    rule = "  ".join("─" * width for width in widths)
    lines = [
        rule if row is None else "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(lines)


def markdown_table(results: Iterable[Result]) -> str:
    """The same table in Markdown."""
    rows = [["task", "model", *SHOWN], ["---"] * (2 + len(SHOWN))]
    for block in ranked(results):
        rows += [[cell.replace("|", r"\|") for cell in row] for row in _rows(block)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows(block: Sequence[Result]) -> list[list[str]]:
    first = block[0]
    chance = [f"{first.metrics[name]['chance']:.3f}" if name in first.metrics else "-" for name in SHOWN]
    rows = [["", result.model, *(score(result, name) for name in SHOWN)] for result in block] + [["", "chance", *chance]]
    rows[0][0] = first.task
    rows[1][0] = str(first.data.get("name", ""))
    return rows


def _value(result: Result, metric: str) -> float:
    return float(result.metrics[metric]["value"]) if metric in result.metrics else 0.0
