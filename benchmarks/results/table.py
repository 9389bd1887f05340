"""The table of scores for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from benchmarks.results.result import Result

SHOWN = ("text", "audio", "group")
"""The metrics of pair tasks that have a column each."""
TRIPLETS = tuple(f"{name}_triplets" for name in SHOWN)
"""Those that have one, too, where there are any."""
BESIDE = {"text_leak_auc": "words alone, AUC", "text_only": "words alone"}
"""Metrics of the items themselves: they have a line under the models."""
MAX_COLUMNS = 6


def shown(results: Iterable[Result]) -> tuple[str, ...]:
    """The metrics that have a column each: text, audio and group, else the first ones that the results have."""
    names = dict.fromkeys(name for result in results for name in result.metrics if name not in BESIDE)
    if set(SHOWN) & set(names):
        return (*SHOWN, *(name for name in names if name in TRIPLETS))
    return tuple(names)[:MAX_COLUMNS]


def ranked(results: Iterable[Result]) -> list[list[Result]]:
    """Results that may be compared, one list a task and data, the best first, controls last."""

    def together(result: Result) -> tuple[str, int, str, int]:
        return result.task, result.task_version, str(result.data["fingerprint"]), -result.data["found"]

    def rank(result: Result) -> tuple[bool, float, str]:
        headline = "group" if "group" in result.metrics else next(iter(result.metrics), "")
        return result.is_control, -_value(result, headline), result.model

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
    """A table for the terminal, with a line of chance values under each task; one for each choice of metrics."""
    lines: list[str] = []
    for names, blocks in groupby(ranked(results), key=shown):
        header = ["task", "model", *names]
        tables = []
        for block in blocks:
            rows = _rows(block, names)
            of = ", ".join(filter(None, (str(block[0].data.get("name", "")), block[0].coverage)))
            beside = [block[0].task, of] + [""] * len(rows)
            tables.append([[name, *row] for name, row in zip(beside, rows, strict=False)])
        columns = zip(header, *(row for rows in tables for row in rows), strict=True)
        widths = [max(map(len, column)) for column in columns]
        rule = "  ".join("─" * width for width in widths)
        lines += [""] * bool(lines) + [_line(header, widths)]
        for rows in tables:
            lines += [rule, *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def _rows(block: Sequence[Result], names: Sequence[str]) -> list[list[str]]:
    """Model and scores of each result, chance, and what words alone give away."""
    rows = [[result.model, *(score(result, name) for name in names)] for result in block]
    metrics = block[0].metrics
    blanks = [""] * (len(names) - 1)
    return [
        *rows,
        ["chance", *(f"{metrics[name]['chance']:.3f}" if name in metrics else "-" for name in names)],
        *([_beside(block[0], name), score(block[0], name), *blanks] for name in BESIDE if name in metrics),
    ]


def _beside(result: Result, name: str) -> str:
    return f"{BESIDE[name]} (chance {result.metrics[name]['chance']:.3f})"


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()


def _value(result: Result, metric: str) -> float:
    return float(result.metrics[metric]["value"]) if metric in result.metrics else 0.0
