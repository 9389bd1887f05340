"""`compa ablate`: measures what each part of composition-aware learning adds, one part at a time."""

from __future__ import annotations

import json
import os
import sys
from argparse import ArgumentTypeError
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from compa.scenes.speech import speaker_and_words
from compa.training.launch import Training, Variant, recipe, train
from compa.utils.arguments import CommandParser, add_events, add_out_folder, positive_int

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
"""Each has all parts of the one above it and one more. All see the same clips every two steps."""
ABOUT = {
    "vanilla": "plain contrast of clips and captions",
    "text-negatives": "hard negative captions, hidden from other clips",
    "modular": "true texts of several granularities",
    "twins": "minimal edits in the same batch: hard negatives in sound",
    "known-true": "no contrast of pairs that are known to be true",
}
EDIT_OF_TASK = {"scenes-order": "order", "scenes-attribute": "attribute-swap"}
SPEECH_EDIT_OF_TASK = {"scenes-order": "order", "scenes-binding": "binding"}
"""The composition tasks, and the kind of twins (scenes and their minimal edits) that training composes for each."""
SKILL = "zero-shot"
"""The task of general skill, which hard negatives can cost."""
SETTINGS = "ablation.json"


@dataclass(frozen=True)
class Ablation:
    """The settings that determine every number.

    Attributes:
        events: The event bank; None is the built-in synthesizer.
        seeds: Each variant is trained once a seed.
        steps: Optimizer steps of each training.
    """

    events: str | None
    seeds: tuple[int, ...]
    steps: int

    def names(self) -> dict[str, tuple[str, int]]:
        """Variant and seed of each training by its name in results, seed by seed."""
        return {f"{variant}-seed{seed}": (variant, seed) for seed in self.seeds for variant in VARIANTS}


def main(arguments: Sequence[str]) -> int:
    """Runs `compa ablate` with the arguments after it."""
    options = _parser().parse_args(arguments)
    run(Ablation(options.events, options.seeds, options.steps), options.out, options.at_once)
    return 0


def run(ablation: Ablation, out: Path, at_once: int) -> None:
    """Trains and scores all variants and writes the table; continues where an earlier call stopped.

    Args:
        ablation: The settings.
        out: The folder, which must be empty or hold the same ablation.
        at_once: Trainings that run side by side.

    Raises:
        ValueError: If the bank is too small, a training fails, or the folder holds anything else.
        KeyboardInterrupt: On Ctrl-C.
    """
    from compa.scenes.banks.open import open_bank

    bank = open_bank(ablation.events)
    variants = variants_for(bank)
    _prepare(ablation, variants, bank, out)
    try:
        _train(ablation, variants, out, at_once)
        _score(ablation, bank, out)
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"{out} keeps what is finished: run the same command again to continue") from None


def _kinds(bank: EventBank) -> dict[str, str]:
    return SPEECH_EDIT_OF_TASK if any(map(speaker_and_words, bank.labels)) else EDIT_OF_TASK


def variants_for(bank: EventBank) -> dict[str, Variant]:
    """`VARIANTS` on the kinds of twins that the bank's tasks measure."""
    kinds = list(_kinds(bank).values())
    return {name: replace(variant, data={**variant.data, "kinds": kinds}) for name, variant in VARIANTS.items()}


def _prepare(ablation: Ablation, variants: Mapping[str, Variant], bank: EventBank, out: Path) -> None:
    """Makes the folder, or makes sure that it holds the same ablation.

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
            raise ValueError(f"{out} holds an ablation with other settings: choose another --out, or delete it")
    elif out.is_dir() and any(out.iterdir()):
        raise ValueError(f"{out} holds files that are not an ablation of compa: choose another --out")
    out.mkdir(parents=True, exist_ok=True)
    settings.write_text(content, encoding="utf-8")


def _train(ablation: Ablation, variants: Mapping[str, Variant], out: Path, at_once: int) -> None:
    """Trains the models that are not trained yet; interrupted trainings are resumed."""
    from compa.models.pretrained import WEIGHTS

    waiting = []
    for name, (variant, seed) in ablation.names().items():
        if (out / name / WEIGHTS).is_file():
            continue
        content = recipe(variants[variant], ablation.events, ablation.steps, seed)
        num_threads = max((os.cpu_count() or 1) // at_once, 1)
        waiting.append(Training(out, name, content, num_threads, resume=True))
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
    print(f"{out} holds this table, a chart, all models and their results", file=sys.stderr)


def _seeds(text: str) -> tuple[int, ...]:
    """Argument type: distinct non-negative integers with commas between them."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    if not words or not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise ArgumentTypeError(f"must be distinct non-negative integers, such as 0,1,2; got {text!r}")
    return tuple(map(int, words))


def _parser() -> CommandParser:
    parser = CommandParser(
        "compa ablate",
        "Trains small models that differ in one part at a time, from plain contrast to all of compa, with the same "
        "scenes, seeds and steps; scores them on unseen sounds in unseen combinations; and writes a table of what each "
        "part adds. If it is stopped at any moment, the same command continues.",
        "compa ablate --events recordings/ --seeds 0,1,2 --steps 1200 --out runs/ablation",
    )
    add_events(parser)
    parser.add_argument(
        "--seeds", metavar="A,B", type=_seeds, default="0,1,2", help="each variant is trained once a seed"
    )
    parser.add_argument(
        "--steps", metavar="N", type=positive_int, default=1200, help="optimizer steps of each training"
    )
    add_out_folder(parser, "folder for the models, results and table", "runs/ablation")
    parser.add_argument(
        "--at-once", metavar="N", type=positive_int, default=os.cpu_count() or 1, help="trainings that run side by side"
    )
    return parser
