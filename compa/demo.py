"""`compa demo`: compose scenes, train two small models on them, score both, and write a report."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compa.training.launch import Training, Variant, recipe, train
from compa.utils.arguments import (
    CommandParser,
    add_events,
    add_out_folder,
    add_overwrite,
    add_seed,
    non_negative_float,
)

STEPS_PER_MINUTE = 190
"""Optimizer steps a minute of each of both trainings on 2 cores of an AMD EPYC (Zen 5) with PyTorch 2.14."""
OTHER_MINUTES = 0.6
"""Time of everything but the trainings on the same machine: starting, making sounds, scoring, the report."""

MODELS = {
    "vanilla": Variant("InfoNCE", {"num_negatives": 0, "num_replacements": 0, "twins_together": False}),
    "composition-aware": Variant(
        "HardNegativeNCE", {"num_negatives": 1, "num_replacements": 1, "twins_together": True}
    ),
}
"""The differences of the two trainings. Scenes, seed, batch size and number of steps are the same."""
MARKS = tuple(f"{name}.yaml" for name in MODELS)
"""A folder that holds one of these was made by a demo."""
TASKS = ("scenes-order", "scenes-attribute")


def main(arguments: Sequence[str]) -> int:
    """Runs `compa demo` with the arguments after it."""
    options = _parser().parse_args(arguments)
    run(options.events, options.out, options.minutes, options.seed, options.overwrite)
    return 0


def run(events: str | None, out: Path, minutes: float, seed: int = 0, overwrite: bool = False) -> None:
    """Trains, scores and reports; everything is written into one folder.

    Args:
        events: The event bank; None is the built-in synthesizer.
        out: The folder, which must be empty or hold an earlier demo.
        minutes: Nominal time on 2 cores, which determines the number of steps.
        seed: Of everything.
        overwrite: Whether an earlier demo in the folder is deleted.

    Raises:
        ValueError: If the time is too short, the bank is too small, or the folder holds anything else.
        KeyboardInterrupt: On Ctrl-C, with the names of what is kept.
    """
    max_steps = num_steps(minutes)

    from compa.scenes.banks.open import open_bank
    from compa.training import run_folder

    run_folder.check(out, overwrite, MARKS)
    bank = open_bank(events)  # before anything is deleted: its errors are the most likely
    run_folder.prepare(out, overwrite, MARKS)
    for file, reason in bank.skipped.items():
        print(f"skipped {file}: {reason}", file=sys.stderr)
    try:
        _train(events, out, max_steps, seed)
        _score(bank, events, out, seed)
    except KeyboardInterrupt:
        kept = ", ".join(path.name for path in sorted(out.iterdir())) or "nothing yet"
        raise KeyboardInterrupt(f"{out} keeps {kept}; --overwrite starts anew") from None


def num_steps(minutes: float) -> int:
    """The optimizer steps of each training, for a nominal time of the whole demo.

    Raises:
        ValueError: If there is no time to train.
    """
    steps = round((minutes - OTHER_MINUTES) * STEPS_PER_MINUTE)
    if steps < 1:
        raise ValueError(f"--minutes {minutes:g} leaves no time to train: give more than {OTHER_MINUTES:g}")
    return steps


def _train(events: str | None, out: Path, max_steps: int, seed: int) -> None:
    """Trains both models side by side: on few cores that is faster than one after the other."""
    print(f"\nTraining {' and '.join(MODELS)} side by side, {max_steps} steps each", file=sys.stderr)
    num_threads = max((os.cpu_count() or 2) // len(MODELS), 1)
    trainings = [
        Training(out, name, recipe(variant, events, max_steps, seed), num_threads) for name, variant in MODELS.items()
    ]
    train(trainings, max_steps, at_once=len(trainings))


def _score(bank: Any, events: str | None, out: Path, seed: int) -> None:
    from benchmarks.models.controls import controls
    from benchmarks.models.open import open_scorer
    from benchmarks.report import write_report
    from benchmarks.results.table import text_table
    from benchmarks.runner import run_all
    from benchmarks.tasks.task import TaskInputs

    print("\nScoring on unseen sounds in unseen combinations", file=sys.stderr)
    material = TaskInputs(bank)
    scorers = {model: open_scorer(str(out / model)) for model in MODELS}
    scorers |= {f"control:{name}": open_scorer(f"control:{name}", seed) for name in controls()}
    saved = list(run_all(scorers, TASKS, material, out / "results", seed, {"events": events}))
    write_report(out / "results", out / "report.html", material, [out / model for model in MODELS])
    print(text_table([one.result for one in saved]))
    print(
        f"\nLook at {out / 'report.html'}; {out} also holds the two models and their results.",
        file=sys.stderr,
    )


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa demo",
        "Composes sound scenes, trains two small models on them, with and without composition-aware hard negatives, "
        "scores both on unseen sounds in unseen combinations, and writes a report.",
        "compa demo --events recordings/ --minutes 10 --out runs/mine",
    )
    add_events(parser)
    parser.add_argument(
        "--minutes",
        type=non_negative_float,
        default=6.0,
        help="nominal time of the whole demo on 2 cores, which determines the number of steps",
    )
    add_out_folder(parser, "folder for the models, results and report", "runs/demo")
    add_seed(parser)
    add_overwrite(parser, "delete the demo that --out already holds")
    return parser
