"""`compa bench`: list what can be measured, measure models, report."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

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
        "report", help="make one web page of results", description="Makes one self-contained web page of results."
    )
    reporting.add_argument("results", type=Path, metavar="DIR", help="folder of results, as `run` writes them")
    reporting.add_argument("--out", metavar="FILE", type=Path, required=True, help="the page, such as report.html")
    reporting.add_argument("--examples", metavar="DIR", type=Path, help="folder with examples.json: pairs to listen to")
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
    from benchmarks.heldout import leaks
    from benchmarks.runner import run_all
    from benchmarks.scorer import model_name, open_scorer
    from benchmarks.table import text_table
    from benchmarks.tasks import find_task
    from compa.scenes.bank import open_bank

    for task in options.task:
        find_task(task)  # a wrong name is said before anything is loaded
    names = {name: model_name(name) for name in dict.fromkeys(options.model)}
    if twice := [name for name in names.values() if list(names.values()).count(name) > 1]:
        raise ValueError(f"two models would both be called {twice[0]!r} in results: rename one's folder, or use two --out")
    scorers = {called: open_scorer(name, options.seed) for name, called in names.items()}
    bank = open_bank(options.events)
    for file, reason in bank.skipped.items():
        print(f"compa bench: left out {file}: {reason}", file=sys.stderr)
    for name, called in names.items():
        for leak in leaks(Path(name), bank) if Path(name).exists() else ():
            print(f"compa bench: warning: {called}: {leak}; its score is too good", file=sys.stderr)

    failed = []

    def tell(model: str, task: str, error: Exception) -> None:
        failed.append(model)
        print(f"compa bench: {task} of {model} failed: {error}", file=sys.stderr)

    notes = {"events": options.events}
    done = []
    for saved in run_all(scorers, options.task, bank, options.out, options.seed, notes, tell):
        done.append(saved.result)
        print(f"{saved.path}{' (replaced)' if saved.replaced else ''}", file=sys.stderr)
    if done:
        print(text_table(done))
    return 1 if failed else 0


def _report(options: argparse.Namespace) -> int:
    from benchmarks.report import report

    report(options.results, options.out, options.examples, options.run)
    print(options.out)
    return 0
