"""Whether a scene task measures anything that a model was trained on."""

from __future__ import annotations

from pathlib import Path

from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import FILE_NAME, HeldOut


def run_folder(path: Path) -> Path:
    """The run folder of a checkpoint: the nearest folder above with `heldout.json`; a folder is its own."""
    if path.is_dir():
        return path
    return next((folder for folder in path.parents if (folder / FILE_NAME).is_file()), path.parent)


def leaks(model: Path, bank: EventBank) -> list[str]:
    """What a scene task measures on this bank that a model may have been trained on; mostly nothing.

    Banks of different names are assumed to have different sounds.

    Args:
        model: A run folder or one of its checkpoints.
        bank: What the task renders its items from.

    Returns:
        A sentence for each kind of leak.
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
