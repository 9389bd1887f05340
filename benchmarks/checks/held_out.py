"""Whether a scene task measures anything that a model was trained on."""

from __future__ import annotations

from pathlib import Path

from benchmarks.models.names import run_folder
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import HeldOut


def leaks(model: Path, bank: EventBank) -> list[str]:
    """Describes what a scene task on this bank has in common with a model's training; usually nothing.

    Banks of different names are assumed to have different sounds.

    Args:
        model: A run folder or one of its checkpoints.
        bank: The bank that the task renders its items from.

    Returns:
        One sentence per kind of leak.
    """
    trained = HeldOut.read(run_folder(model))
    if trained is None or trained.bank != bank.name:
        return []
    needed = HeldOut.of(bank)
    pairs = sorted(set(needed.pairs) - set(trained.pairs))
    recordings = sorted(set(needed.recordings) - set(trained.recordings))
    sentences = []
    if pairs:
        sentences.append(f"{len(pairs)} label pairs of the task were not held out in training (such as {pairs[0]})")
    if recordings:
        sentences.append(f"{len(recordings)} test recordings were not held out in training (such as {recordings[0]})")
    return sentences
