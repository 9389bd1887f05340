"""Files in, one file out. Equal files give equal bytes; no time, no path, nothing fetched."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.report.curves import charts
from benchmarks.report.duel import duels
from benchmarks.report.examples import listening
from benchmarks.report.export_tables import comma_separated, markdown
from benchmarks.report.kinds import heat_maps
from benchmarks.report.leaderboard import recipe, rows
from benchmarks.report.retention import panels
from benchmarks.report.task_results import Block, blocks
from benchmarks.report.warnings import notices
from benchmarks.results.result import read_results
from benchmarks.tasks import Material
from compa.scenes.holdout import HeldOut
from compa.utils.files import write_whole
from compa.utils.page import fill

NUM_COLOURS = 6
_FOLDER = Path(__file__).parent
_SCRIPTS = ("sort.js", "duel.js")
_TABLES = {".md": markdown, ".csv": comma_separated}


def report(
    results: Path,
    out: Path,
    material: Material | None = None,
    runs: Sequence[Path] = (),
    tell: Callable[[str], None] = lambda _: None,
) -> Path:
    """Makes one self-contained web page, or the tables of a paper.

    Args:
        results: Folder of result files.
        out: The file to write: a page (.html), or tables (.md, .csv).
        material: What the items to listen to are made of; None takes what the results say of it.
        runs: Run folders, for training curves (`metrics.csv`) and what was held out (`heldout.json`).
        tell: Hears of items that the page lacks, and why.

    Returns:
        `out`.

    Raises:
        ValueError: If a file is not what it should be, naming it.
    """
    suffix = out.suffix.lower()
    if suffix != ".html" and suffix not in _TABLES:
        raise ValueError(f"a report cannot be written to {out}: its name must end in .html, {' or '.join(_TABLES)}")
    found = blocks(read_results(results))
    if not found:
        raise ValueError(f"the results in {results} hold no metric: there is nothing to report")
    content = _TABLES[suffix](found) if suffix in _TABLES else _page(found, material, runs, tell)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, content.encode())
    return out


def _page(found: Sequence[Block], material: Material | None, runs: Sequence[Path], tell: Callable[[str], None]) -> str:
    curves = charts(runs)
    held_out = held_out_records(runs)  # what is wrong with a run is said before anything is rendered
    results = [result for block in found for result in block.results]
    names = {result.model for result in results if not result.is_control}
    names |= {name for chart in curves for name in chart.lines}
    script = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in _SCRIPTS)
    return fill(
        _FOLDER / "page.html",
        blocks=found,
        rows=rows(found),
        notices=notices(found),
        panels=panels(found),
        heat_maps=heat_maps(found),
        duels=duels(found),
        listening=listening(found, material, tell),
        curves=curves,
        held_out=held_out,
        controls=sorted({result.model for result in results if result.is_control}),
        colours=_colours(names),
        versions=sorted({result.code_version for result in results}),
        methods=sorted({metric["method"] for result in results for metric in result.metrics.values()}),
        seeds=sorted({result.seed for result in results}),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def held_out_records(runs: Sequence[Path]) -> list[HeldOut]:
    """What the runs held out, each different record once."""
    records = (HeldOut.read(run) for run in runs)
    return list(dict.fromkeys(record for record in records if record is not None))


def _colours(names: set[str]) -> dict[str, int]:
    """A colour a model; the seeds of one recipe share it."""
    recipes = sorted({recipe(name) for name in names})
    numbers = {name: number % NUM_COLOURS for number, name in enumerate(recipes)}
    return {name: numbers[recipe(name)] for name in (*names, *recipes)}
