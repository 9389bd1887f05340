"""Writes the report: a pure function of its input files; equal files give equal bytes, without times or paths."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report.curves import charts
from benchmarks.report.examples import render_examples
from benchmarks.report.export_tables import csv_table, markdown_tables
from benchmarks.report.kinds import heat_maps
from benchmarks.report.leaderboard import leaderboard, recipe
from benchmarks.report.retention import retention_panels
from benchmarks.report.task_results import TaskResults, group_results
from benchmarks.report.warnings import collect_warnings
from benchmarks.results.result import read_results
from benchmarks.tasks.task import TaskInputs
from compa.scenes.holdout import HeldOut
from compa.utils.files import write_whole
from compa.utils.page import fill

NUM_COLORS = 6
_TEMPLATE = Path(__file__).with_name("page.html")
_TABLES = {".md": markdown_tables, ".csv": csv_table}


def write_report(
    results: Path,
    out: Path,
    inputs: TaskInputs | None = None,
    runs: Sequence[Path] = (),
    warn: Callable[[str], None] = lambda _: None,
) -> Path:
    """Writes one self-contained web page, or tables in Markdown or CSV.

    Args:
        results: Folder of result files.
        out: File to write: a page (.html) or tables (.md, .csv).
        inputs: What to render the examples from; None uses what the result files note.
        runs: Run folders, for training curves (`metrics.csv`) and held-out sounds (`heldout.json`).
        warn: Called with one sentence for each task whose examples are missing.

    Returns:
        `out`.

    Raises:
        ValueError: If a file is missing or invalid; the message names it.
    """
    suffix = out.suffix.lower()
    if suffix != ".html" and suffix not in _TABLES:
        raise ValueError(f"the name of a report must end in .html, {' or '.join(_TABLES)}; got {str(out)!r}")
    tasks = group_results(read_results(results))
    if not tasks:
        raise ValueError(f"the results in {results} contain no metric, so there is nothing to report")
    content = _TABLES[suffix](tasks) if suffix in _TABLES else _page(tasks, inputs, runs, warn)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, content.encode())
    return out


def held_out_records(runs: Sequence[Path]) -> list[HeldOut]:
    """Reads what the runs held out of training; equal records appear once."""
    records = (HeldOut.read(run) for run in runs)
    return list(dict.fromkeys(record for record in records if record is not None))


def _page(
    tasks: Sequence[TaskResults], inputs: TaskInputs | None, runs: Sequence[Path], warn: Callable[[str], None]
) -> str:
    curves = charts(runs)
    held_out = held_out_records(runs)  # errors in run folders are reported before anything is rendered
    results = [result for task in tasks for result in task.results]
    names = {result.model for result in results if not result.is_control}
    names |= {name for chart in curves for name in chart.lines}
    return fill(
        _TEMPLATE,
        tasks=tasks,
        rows=leaderboard(tasks),
        warnings=collect_warnings(tasks),
        panels=retention_panels(tasks),
        heat_maps=heat_maps(tasks),
        examples=render_examples(tasks, inputs, warn),
        curves=curves,
        held_out=held_out,
        controls=any(result.is_control for result in results),
        colors=_colors(names),
        versions=sorted({result.code_version for result in results}),
        methods=sorted({metric["method"] for result in results for metric in result.metrics.values()}),
        seeds=sorted({result.seed for result in results}),
    )


def _colors(names: set[str]) -> dict[str, int]:
    """Numbers of colors by model; the seeds of one recipe share a color."""
    recipes = sorted({recipe(name) for name in names})
    numbers = {name: number % NUM_COLORS for number, name in enumerate(recipes)}
    return {name: numbers[recipe(name)] for name in (*names, *recipes)}
