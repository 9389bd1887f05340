"""`compa bench`: list what can be measured, measure models, report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.scorer import Scorer
    from compa.scenes.bank import EventBank

DESCRIPTION = "Measures whether a model tells who sounds when, and how loud."
MODELS = "run folder, checkpoint, or control:NAME"


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs `compa bench` and returns its exit code.

    Args:
        arguments: What stands after `compa bench`; the process's own arguments where None.

    Raises:
        ValueError: For what a user can put right; nothing else could be done.
    """
    options = _parser().parse_args(arguments)
    return int(options.door(options))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="compa bench", description=DESCRIPTION)
    doors = parser.add_subparsers(required=True, metavar="list | run | report")

    listing = doors.add_parser("list", help="say which tasks and controls there are", description=DESCRIPTION)
    listing.set_defaults(door=_list)

    running = doors.add_parser("run", help="measure models in tasks", description="Measures models in tasks.")
    running.add_argument("--model", action="append", required=True, help=f"{MODELS}; repeat for several")
    running.add_argument("--task", action="append", required=True, help="see `compa bench list`; repeat for several")
    running.add_argument("--events", metavar="DIR|CSV", help="sounds to render scenes from (default: built-in ones)")
    running.add_argument("--out", metavar="DIR", type=Path, required=True, help="folder for results, one JSON each")
    running.add_argument("--seed", type=int, default=0, help="of controls that draw (default: 0)")
    running.set_defaults(door=_run)

    reporting = doors.add_parser(
        "report",
        help="make one web page of results, or the tables of a paper",
        description="Makes one self-contained web page of results, or tables in Markdown or CSV.",
    )
    reporting.add_argument("results", type=Path, metavar="DIR", help="folder of results, as `run` writes them")
    reporting.add_argument(
        "--out", metavar="FILE", type=Path, required=True, help="a page (.html), or tables (.md, .csv)"
    )
    reporting.add_argument(
        "--events", metavar="DIR|CSV", help="sounds of scenes to listen to (default: those of `run`)"
    )
    reporting.add_argument("--data", metavar="DIR", type=Path, help="files to listen to (default: those of `run`)")
    reporting.add_argument(
        "--run", metavar="DIR", type=Path, action="append", default=[], help="run folder: its training curves; repeat"
    )
    reporting.set_defaults(door=_report)
    return parser


def _list(_: argparse.Namespace) -> int:
    from benchmarks.controls import CONTROLS
    from benchmarks.tasks import tasks

    print("Tasks")
    for name, task in tasks().items():
        print(f"  {name} (version {task.version})\n    {task.measures}.\n    needs {task.needs}")
    print("\nModels\n  a run folder or one of its checkpoints")
    for name in CONTROLS:
        print(f"  control:{name}")
    return 0


def _run(options: argparse.Namespace) -> int:
    from benchmarks.results import make_folder
    from benchmarks.runner import run_all
    from benchmarks.table import text_table
    from benchmarks.tasks import Material, find_task

    for task in options.task:
        find_task(task)  # what is wrong is said before anything is loaded
    scorers = _open_models(options.model, options.seed)
    material = Material(options.events)
    make_folder(options.out)
    _warn(options.model, material.bank)

    failed = []

    def tell(model: str, task: str, error: Exception) -> None:
        failed.append(model)
        _say(f"{task} of {model} failed: {error}")

    done = []
    notes = {"events": options.events}
    for saved in run_all(scorers, options.task, material, options.out, options.seed, notes, tell):
        done.append(saved.result)
        _say(f"{'replaced' if saved.replaced else 'wrote'} {saved.path}")
    if done:
        print(text_table(done))
    return 1 if failed else 0


def _open_models(names: Sequence[str], seed: int) -> dict[str, Scorer]:
    """The models by what results call them."""
    from benchmarks.scorer import model_name, open_scorer

    scorers: dict[str, Scorer] = {}
    for name in dict.fromkeys(names):
        scorer, called = open_scorer(name, seed), model_name(name)
        if called in scorers:
            raise ValueError(f"two models would both be called {called!r} in results: give each its own --out")
        scorers[called] = scorer
    return scorers


def _warn(models: Sequence[str], bank: EventBank) -> None:
    """Says which files are left out, and what a model may have been trained on."""
    from benchmarks.heldout import leaks

    for file, reason in bank.skipped.items():
        _say(f"left out {file}: {reason}")
    for path in (Path(name) for name in models):
        for leak in leaks(path, bank) if path.exists() else ():
            _say(f"warning: {path}: {leak}, so its score may be too good")


def _say(message: str) -> None:
    print(f"compa bench: {message}", file=sys.stderr)


def _report(options: argparse.Namespace) -> int:
    from benchmarks.report import report
    from benchmarks.tasks import Material

    given = Material(options.events, options.data) if options.events or options.data else None
    report(options.results, options.out, given, options.run, _say)
    print(options.out)
    return 0
