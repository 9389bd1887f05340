"""What a run folder says of the sounds that its model was not trained on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs

FILE_NAME = "heldout.json"


@dataclass(frozen=True)
class HeldOut:
    """What training left out.

    Attributes:
        bank: Name of the event bank that training drew from.
        pairs: Label pairs that were never combined.
        recordings: Names of the recordings that were never heard.
    """

    bank: str
    pairs: tuple[tuple[str, str], ...]
    recordings: tuple[str, ...]


def read_held_out(run_folder: Path) -> HeldOut | None:
    """Reads a run folder's record; None where it has none.

    Raises:
        ValueError: If the record is there but is not of the form that training writes.
    """
    path = run_folder / FILE_NAME
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        pairs = tuple((str(first), str(second)) for first, second in record["held_out_pairs"])
        return HeldOut(str(record["bank"]), pairs, tuple(map(str, record["test_recordings"])))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no record of what was held out ({error!r}): train again, or remove it") from None


def run_folder(path: Path) -> Path:
    """The run folder of a checkpoint: the nearest folder above with such a record; a folder is its own."""
    if path.is_dir():
        return path
    return next((folder for folder in path.parents if (folder / FILE_NAME).is_file()), path.parent)


def leaks(model: Path, bank: EventBank) -> list[str]:
    """What a scene task measures on this bank that a model may have been trained on; mostly nothing.

    Banks of different names are taken to be different sounds.

    Args:
        model: A run folder or one of its checkpoints.
        bank: What the task renders its items from.

    Returns:
        A sentence for each kind of leak.
    """
    held_out = read_held_out(run_folder(model))
    if held_out is None or held_out.bank != bank.name:
        return []
    pairs = sorted(held_out_pairs(bank.labels) - set(held_out.pairs))
    test = bank.split("test")
    recordings = sorted({name for label in test.labels for name in test.recordings(label)} - set(held_out.recordings))
    sentences = []
    if pairs:
        sentences.append(f"{len(pairs)} label pairs of the task were not held out in training (such as {pairs[0]})")
    if recordings:
        sentences.append(f"{len(recordings)} test recordings were not held out in training (such as {recordings[0]})")
    return sentences
