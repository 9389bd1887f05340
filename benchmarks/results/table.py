"""Tables of scores for terminals: plain text, which stays readable in a pipe or a log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby, zip_longest

from benchmarks.results.result import Result

SHOWN = ("text", "audio", "group")
"""The metrics of pair tasks that get a column."""
TRIPLETS = tuple(f"{name}_triplets" for name in SHOWN)
"""Those that get a column too if there are any."""
BESIDE = {"text_leak_auc": "words alone, AUC", "text_only": "words alone"}
"""Metrics of the items themselves, which get a line under the models."""
MAX_COLUMNS = 6


def shown(results: Iterable[Result]) -> tuple[str, ...]:
    """The metrics that get a column: text, audio and group, or else the first ones of the results."""
    names = dict.fromkeys(name for result in results for name in result.metrics if name not in BESIDE)
    if set(SHOWN) & set(names):
        return (*SHOWN, *(name for name in names if name in TRIPLETS))
    return tuple(names)[:MAX_COLUMNS]


def ranked(results: Iterable[Result]) -> list[list[Result]]:
    """Comparable results, one list per task and data, the best first and controls last."""

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
    """A table for the terminal, with a line of chance values per task; results with other metrics get their own."""
    tables = []
    for names, blocks in groupby(ranked(results), key=shown):
        rows, starts = [["task", "model", *names]], []
        for block in blocks:
            starts.append(len(rows))
            of = ", ".join(filter(None, (str(block[0].data.get("name", "")), block[0].coverage)))
            named = zip_longest((block[0].task, of), _rows(block, names), fillvalue="")
            rows += [[name, *row] for name, row in named]
        tables.append("\n".join(aligned(rows, starts)))
    return "\n\n".join(tables)


def aligned(rows: Sequence[Sequence[str]], rules: Collection[int] = ()) -> list[str]:
    """Lines with aligned columns, and a horizontal rule before the rows of the given numbers.

    Example:
        >>> print(*aligned([["a", "b"], ["long", "c"]], rules=[1]), sep="\\n")
        a     b
        ────  ─
        long  c
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for number, row in enumerate(rows):
        if number in rules:
            lines.append("  ".join("─" * width for width in widths))
        lines.append("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return lines


def _rows(block: Sequence[Result], names: Sequence[str]) -> list[list[str]]:
    """Model and scores of each result, chance, and what words alone achieve."""
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


def _value(result: Result, metric: str) -> float:
    return float(result.metrics[metric]["value"]) if metric in result.metrics else 0.0
