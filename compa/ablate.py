"""`compa ablate`: what each part of composition-aware learning adds, by trainings that differ in one part at a time."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compa.scenes.speech import speaker_and_words
from compa.training.launch import Training, train
from compa.training.recipe import Variant, recipe

if TYPE_CHECKING:
    from compa.scenes.banks.bank import EventBank

_APART = {
    "batch_size": 32,
    "num_negatives": 0,
    "num_replacements": 0,
    "num_positives": 0,
    "twins_together": False,
}
_NEGATIVES = {**_APART, "num_negatives": 1, "num_replacements": 1}
_MODULAR = {**_NEGATIVES, "num_positives": 2}
_QUERIES = {"positives": "queries"}  # as `configs/3_modular_small.yaml` has it
_BLIND = {"skip_known_true": False}

VARIANTS = {
    "vanilla": Variant("InfoNCE", _APART, _BLIND),
    "text-negatives": Variant("HardNegativeNCE", _NEGATIVES, _BLIND),
    "modular": Variant("ModularNCE", _MODULAR, _BLIND, _QUERIES),
    "twins": Variant("ModularNCE", {**_MODULAR, "twins_together": True}, _BLIND, _QUERIES),
    "known-true": Variant("ModularNCE", {**_MODULAR, "twins_together": True}, contrast=_QUERIES),
}
"""Each has all parts of the one above it and one more. All see the same clips in every two steps."""
ABOUT = {
    "vanilla": "plain contrast of clips and captions",
    "text-negatives": "hard negative captions, hidden from other clips",
    "modular": "true texts of several granularities",
    "twins": "minimal edits in the same batch: hard negatives in sound",
    "known-true": "no contrast with what is known to be true",
}
KINDS = {"scenes-order": "order", "scenes-attribute": "attribute-swap"}
SPEECH_KINDS = {"scenes-order": "order", "scenes-binding": "binding"}
"""The tasks of composition, and the kinds of twins that training composes for them, in turns."""
SKILL = "zero-shot"
"""Whether general skill is kept."""
SETTINGS = "ablation.json"


@dataclass(frozen=True)
class Ablation:
    """What decides every number.

    Attributes:
        events: The event bank; None is the built-in synthesiser.
        seeds: One training of each variant a seed.
        steps: Optimiser steps of each training.
    """

    events: str | None
    seeds: tuple[int, ...]
    steps: int

    def names(self) -> dict[str, tuple[str, int]]:
        """Variant and seed of each training by what results call it; seed by seed."""
        return {f"{variant}-seed{seed}": (variant, seed) for seed in self.seeds for variant in VARIANTS}


def main(arguments: Sequence[str]) -> int:
    """Runs `compa ablate` with the arguments after it."""
    options = _parser().parse_args(arguments)
    ablation = Ablation(options.events, _seeds(options.seeds), options.steps)
    if ablation.steps < 1 or options.at_once < 1:
        raise ValueError(f"--steps {ablation.steps} and --at-once {options.at_once} start at 1")

    from compa.scenes.banks.open import open_bank

    bank = open_bank(ablation.events)
    variants = variants_for(bank)
    _prepare(ablation, variants, bank, options.out)
    try:
        _train(ablation, variants, options.out, options.at_once)
        _score(ablation, bank, options.out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{options.out} keeps what is done: the same command goes on") from None
    return 0


def _seeds(text: str) -> tuple[int, ...]:
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdigit() for word in words) or len(set(words)) < len(words):
        raise ValueError(f"--seeds {text!r} are no different whole numbers from 0 on: such as 0,1,2")
    return tuple(map(int, words))


def _kinds(bank: EventBank) -> dict[str, str]:
    return SPEECH_KINDS if any(map(speaker_and_words, bank.labels)) else KINDS


def variants_for(bank: EventBank) -> dict[str, Variant]:
    """`VARIANTS` on the kinds of twins that the bank's tasks measure."""
    kinds = list(_kinds(bank).values())
    return {name: replace(variant, data={**variant.data, "kinds": kinds}) for name, variant in VARIANTS.items()}


def _prepare(ablation: Ablation, variants: Mapping[str, Variant], bank: EventBank, out: Path) -> None:
    """Makes the folder, or makes sure that it holds this very ablation.

    Raises:
        ValueError: If it holds anything else.
    """
    parts = {name: asdict(variant) for name, variant in variants.items()}
    decided = {**asdict(ablation), "events": bank.name, "bank_fingerprint": bank.fingerprint, "variants": parts}
    content = json.dumps(decided, indent=1) + "\n"
    settings = out / SETTINGS
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file: give a folder for the ablation")
    if settings.is_file():
        if settings.read_text(encoding="utf-8") != content:
            raise ValueError(f"{out} holds an ablation of other settings: choose another --out, or delete it")
    elif out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} holds files that are no ablation of compa: choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    settings.write_text(content, encoding="utf-8")


def _train(ablation: Ablation, variants: Mapping[str, Variant], out: Path, at_once: int) -> None:
    """Trains what is not trained yet; what was interrupted goes on."""
    import yaml

    from compa.models.pretrained import WEIGHTS

    waiting = []
    for name, (variant, seed) in ablation.names().items():
        if (out / name / WEIGHTS).is_file():
            continue
        config = out / f"{name}.yaml"
        content = recipe(variants[variant], ablation.events, ablation.steps, seed)
        config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        num_threads = max((os.cpu_count() or 1) // at_once, 1)
        waiting.append(Training(name, config, out / name, num_threads, resume=True))
    if waiting:
        print(f"Training {len(waiting)} models, {at_once} at once, {ablation.steps} steps each", file=sys.stderr)
        train(waiting, ablation.steps, at_once)


def _score(ablation: Ablation, bank: EventBank, out: Path) -> None:
    from benchmarks.models.open import open_scorer
    from benchmarks.report.ablation import compare_in_turn, draw, markdown
    from benchmarks.runner import run_all
    from benchmarks.tasks.task import TaskInputs

    tasks = [*_kinds(bank), SKILL]
    scorers = {name: open_scorer(str(out / name)) for name in ablation.names()}
    saved = run_all(scorers, tasks, TaskInputs(bank), out / "results")
    results = {(one.result.task, one.result.model): one.result for one in saved}
    table = compare_in_turn(
        {
            variant: [[results[task, f"{variant}-seed{seed}"] for seed in ablation.seeds] for task in tasks]
            for variant in VARIANTS
        }
    )
    text = markdown(table, ABOUT)
    (out / "ablation.md").write_text(text, encoding="utf-8")
    draw(table, out / "ablation.png", f"{bank.name}: mean of {len(ablation.seeds)} seeds, {ablation.steps} steps")
    print(text)
    print(f"{out} holds this table, its picture, all models and their results", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="compa ablate",
        description="Trains small models that differ in one part at a time, from plain contrast to all of compa, with "
        "the same scenes, seeds and steps; scores them on unseen sounds in unseen combinations; and says what each "
        "part adds. Stopped at any moment, the same command goes on.",
    )
    parser.add_argument("--events", metavar="DIR|CSV", help="one folder a label, or a CSV with file,label[,speaker]")
    parser.add_argument("--seeds", metavar="A,B", default="0,1,2", help="a training of each variant each (%(default)s)")
    parser.add_argument("--steps", metavar="N", type=int, default=1200, help="of each training (%(default)s)")
    parser.add_argument(
        "--out", metavar="DIR", type=Path, default=Path("runs/ablation"), help="where it goes (%(default)s)"
    )
    parser.add_argument(
        "--at-once", metavar="N", type=int, default=os.cpu_count() or 1, help="trainings side by side (%(default)s)"
    )
    return parser
