"""`compa demo`: compose scenes, train two small models on them, score both, and show what happened."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from compa.training.launch import Training, train
from compa.training.recipe import Variant, recipe

STEPS_PER_MINUTE = 190
"""Optimiser steps that each of both trainings does a minute: 2 cores of an AMD EPYC (Zen 5), PyTorch 2.14."""
OTHER_MINUTES = 0.6
"""What all but the trainings takes there: starting, making sounds, scoring, the report."""

MODELS = {
    "vanilla": Variant("InfoNCE", {"num_negatives": 0, "num_replacements": 0, "twins_together": False}),
    "composition-aware": Variant(
        "HardNegativeNCE", {"num_negatives": 1, "num_replacements": 1, "twins_together": True}
    ),
}
"""What the two trainings differ in. Scenes, seed, batch size and number of steps are the same."""
TASKS = ("scenes-order", "scenes-attribute")


def main(arguments: Sequence[str]) -> int:
    """Runs the demo with the arguments after `compa demo`."""
    options = _parser().parse_args(arguments)
    max_steps = num_steps(options.minutes)

    from compa.scenes.banks.open import open_bank
    from compa.training import run_folder

    run_folder.check(options.out, overwrite=options.overwrite)
    bank = open_bank(options.events)  # before anything is deleted: its errors are the likeliest
    run_folder.prepare(options.out, overwrite=options.overwrite)
    for file, reason in bank.skipped.items():
        print(f"left out {file}: {reason}", file=sys.stderr)
    try:
        _train(options.events, options.out, max_steps, options.seed)
        _score(bank, options.events, options.out, options.seed)
    except KeyboardInterrupt:
        kept = ", ".join(path.name for path in sorted(options.out.iterdir())) or "nothing yet"
        raise KeyboardInterrupt(f"{options.out} keeps {kept}; --overwrite starts anew") from None
    return 0


def num_steps(minutes: float) -> int:
    """Optimiser steps of each training, so that the whole demo nominally takes so many minutes.

    Raises:
        ValueError: If that leaves no time to train.
    """
    steps = round((minutes - OTHER_MINUTES) * STEPS_PER_MINUTE)
    if steps < 1:
        raise ValueError(f"--minutes {minutes:g} leaves no time to train: take more than {OTHER_MINUTES:g}")
    return steps


def _train(events: str | None, out: Path, max_steps: int, seed: int) -> None:
    """Trains both models side by side: on few cores, two small trainings do more together than one after the other."""
    import yaml

    print(f"\nTraining {' and '.join(MODELS)} side by side, {max_steps} steps each", file=sys.stderr)
    num_threads = max((os.cpu_count() or 2) // len(MODELS), 1)
    trainings = []
    for name, variant in MODELS.items():
        config = out / f"{name}.yaml"
        config.write_text(yaml.safe_dump(recipe(variant, events, max_steps, seed), sort_keys=False), encoding="utf-8")
        trainings.append(Training(name, config, out / name, num_threads))
    train(trainings, max_steps, at_once=len(trainings))


def _score(bank: Any, events: str | None, out: Path, seed: int) -> None:
    from benchmarks.models.controls import CONTROLS
    from benchmarks.report import write_report
    from benchmarks.results.table import text_table
    from benchmarks.runner import run_all
    from benchmarks.scorer import open_scorer
    from benchmarks.tasks import Material

    print("\nScoring on unseen sounds in unseen combinations", file=sys.stderr)
    material = Material(bank)
    scorers = {model: open_scorer(str(out / model)) for model in MODELS}
    scorers |= {f"control:{name}": open_scorer(f"control:{name}", seed) for name in CONTROLS}
    saved = list(run_all(scorers, TASKS, material, out / "results", seed, {"events": events}))
    write_report(out / "results", out / "report.html", material, [out / model for model in MODELS])
    print(text_table([one.result for one in saved]))
    print(
        f"\nLook at {out / 'report.html'}; {out} also holds the two models and their results.",
        file=sys.stderr,
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compa demo",
        description="Composes sound scenes, trains two small models on them, with and without composition-aware hard "
        "negatives, scores both on unseen sounds in unseen combinations, and writes a report.",
    )
    parser.add_argument(
        "--events",
        metavar="DIR|CSV",
        help="your recordings: one folder a label, or a CSV with file,label (built-in sounds)",
    )
    parser.add_argument(
        "--minutes",
        type=float,
        default=6.0,
        help="nominal time of the whole demo on 2 cores, which sets its steps (6)",
    )
    parser.add_argument("--out", metavar="DIR", type=Path, default=Path("runs/demo"), help="where it goes (runs/demo)")
    parser.add_argument("--seed", type=int, default=0, help="same seed, same result (0)")
    parser.add_argument("--overwrite", action="store_true", help="delete the run that --out already holds")
    return parser
