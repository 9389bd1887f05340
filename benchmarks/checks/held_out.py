"""Compares what a run folder recorded as held out with what a scene task measures on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from benchmarks.models.names import HELD_OUT_FILE, run_folder
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs


@dataclass(frozen=True)
class HeldOut:
    """What a training left out.

    Attributes:
        bank: Name of the event bank that training drew from.
        pairs: Label pairs that were never combined.
        recordings: Names of the recordings that were never used.
    """

    bank: str
    pairs: tuple[tuple[str, str], ...]
    recordings: tuple[str, ...]


def read_held_out(run_folder: Path) -> HeldOut | None:
    """Reads a run folder's record; None where there is none.

    Raises:
        ValueError: If the record does not have the form that training writes.
    """
    path = run_folder / HELD_OUT_FILE
    if not path.is_file():
        return None
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        pairs = tuple((str(first), str(second)) for first, second in record["held_out_pairs"])
        return HeldOut(str(record["bank"]), pairs, tuple(map(str, record["test_recordings"])))
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not a valid held-out record ({error!r}): train again, or remove it") from None


def leaks(model: Path, bank: EventBank) -> list[str]:
    """Describes what a scene task on this bank has in common with a model's training; usually nothing.

    Banks of different names are taken to hold different sounds.

    Args:
        model: A run folder or one of its checkpoints.
        bank: The bank that the task renders its items from.

    Returns:
        One sentence per kind of leak.
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
