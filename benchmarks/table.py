"""The table of scores, for terminals and for Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.results import Result

SHOWN = ("text", "audio", "group")
"""The metrics that have a column each."""


def ranked(results: Iterable[Result]) -> list[list[Result]]:
    """Results that may be compared, one list a task and data, the best group score first, controls last."""

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
    header = ["task", "model", *SHOWN]
    tables = []
    for block in ranked(results):
        beside = [block[0].task, str(block[0].data.get("name", ""))]
        beside += [""] * (len(block) - 1)
        tables.append([[name, *row] for name, row in zip(beside, _rows(block), strict=True)])
    widths = [max(map(len, column)) for column in zip(header, *(row for rows in tables for row in rows), strict=True)]
    rule = "  ".join("─" * width for width in widths)
    lines = [_line(header, widths)]
    for rows in tables:
        lines += [rule, *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def markdown_table(results: Iterable[Result]) -> str:
    """The same table in Markdown."""
    rows = [["task", "model", *SHOWN], ["---"] * (2 + len(SHOWN))]
    for block in ranked(results):
        task = f"{block[0].task} ({block[0].data['name']})" if "name" in block[0].data else block[0].task
        rows += [[cell.replace("|", r"\|") for cell in (task, *row)] for row in _rows(block)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _rows(block: Sequence[Result]) -> list[list[str]]:
    """Model and scores of each result, and chance."""
    rows = [[result.model, *(score(result, name) for name in SHOWN)] for result in block]
    metrics = block[0].metrics
    return [
        *rows,
        ["chance", *(f"{metrics[name]['chance']:.3f}" if name in metrics else "-" for name in SHOWN)],
    ]


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _value(result: Result, metric: str) -> float:
    return float(result.metrics[metric]["value"]) if metric in result.metrics else 0.0
