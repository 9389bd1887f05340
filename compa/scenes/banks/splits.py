"""Splits recordings into training and testing, such that no recording, content or source is in both."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from compa.scenes.banks.recordings import Recording, Split
from compa.utils.text import stable_hash

TEST_FRACTION = 0.25
MIN_LABELS = 3
"""Some pairs of labels are held out, which needs three labels."""


@dataclass(frozen=True)
class Usable:
    """Recordings with their splits, and what was left out, with reasons."""

    recordings: tuple[Recording, ...]
    skipped: Mapping[str, str]


def divide(recordings: Sequence[Recording], skipped: Mapping[str, str], where: str) -> Usable:
    """Gives every recording its split and leaves out labels that are not in both splits.

    Recordings that share a source or their content are related, also through others, and get the same split. Splits
    that recordings come with are kept, but a test recording that is related to one for training is left out. Otherwise
    a stable hash decides: about one in four is for testing, and a file keeps its split when others are added, as far as
    every label can have both splits.

    Args:
        recordings: All with a split, or all without.
        skipped: What was left out so far, with reasons.
        where: The name of their folder or CSV, for errors.

    Raises:
        ValueError: If fewer than 3 labels are left.
    """
    families = _families(recordings)
    reasons = dict(skipped)
    if any(recording.split is None for recording in recordings):
        sides = _split_by_hash(recordings, families)
        recordings = [replace(r, split=sides[family]) for r, family in zip(recordings, families, strict=True)]
    else:
        recordings = _without_related(recordings, families, reasons)
    recordings = _in_both_splits(recordings, reasons)
    labels = sorted({recording.label for recording in recordings})
    if len(labels) < MIN_LABELS:
        raise ValueError(_too_few(where, labels, reasons))
    return Usable(tuple(recordings), reasons)


def _families(recordings: Sequence[Recording]) -> list[str]:
    """A name for each recording that related ones share: union-find over sources and contents."""
    parent: dict[str, str] = {}

    def root(key: str) -> str:
        while parent.setdefault(key, key) != key:
            key = parent[key]
        return key

    def key(recording: Recording) -> str:
        return f"source {recording.source}" if recording.source else f"file {recording.name}"

    for recording in recordings:
        ends = sorted({root(key(recording)), root(f"~content {recording.content}")})
        parent[ends[-1]] = ends[0]  # contents sort last, so a family is named by a source or file
    return [root(key(recording)) for recording in recordings]


def _split_by_hash(recordings: Sequence[Recording], families: Sequence[str]) -> dict[str, Split]:
    """The split of each family; where a label lacks a split, its family with the nearest hash is moved there."""
    place = {family: stable_hash("test recording", family) / 2**64 for family in families}
    sides: dict[str, Split] = {family: "test" if place[family] < TEST_FRACTION else "train" for family in place}
    of_label: defaultdict[str, set[str]] = defaultdict(set)
    for recording, family in zip(recordings, families, strict=True):
        of_label[recording.label].add(family)
    moved: set[str] = set()
    for label in sorted(of_label, key=lambda label: (len(of_label[label]), label)):
        ordered = sorted(of_label[label], key=place.__getitem__)
        for side, nearest in (("test", ordered), ("train", ordered[::-1])):
            movable = [family for family in nearest if family not in moved]
            if len(ordered) > 1 and movable and side not in {sides[family] for family in ordered}:
                sides[movable[0]] = "test" if side == "test" else "train"
                moved.add(movable[0])
    return sides


def _without_related(
    recordings: Sequence[Recording], families: Sequence[str], reasons: dict[str, str]
) -> list[Recording]:
    """Leaves out test recordings that are related to one for training."""
    training: dict[str, Recording] = {}
    for recording, family in zip(recordings, families, strict=True):
        if recording.split == "train":
            training.setdefault(family, recording)
    kept = []
    for recording, family in zip(recordings, families, strict=True):
        if recording.split == "test" and family in training:
            shared = "source" if recording.source else "content"
            reasons[recording.name] = (
                f"for testing, but shares its {shared} with {training[family].name}, which is for training"
            )
        else:
            kept.append(recording)
    return kept


def _in_both_splits(recordings: Iterable[Recording], reasons: dict[str, str]) -> list[Recording]:
    """Leaves out labels that have no recording for training, or none for testing."""
    recordings = list(recordings)
    counts = Counter((recording.label, recording.split) for recording in recordings)
    for label in sorted({recording.label for recording in recordings}):
        num_train, num_test = counts[label, "train"], counts[label, "test"]
        if not (num_train and num_test):
            reasons[label] = (
                f"label with {num_train} recording(s) for training and {num_test} for testing: "
                "it needs both, from different sources"
            )
    return [r for r in recordings if counts[r.label, "train"] and counts[r.label, "test"]]


def _too_few(where: str, labels: Sequence[str], reasons: Mapping[str, str]) -> str:
    found = f"{len(labels)} usable label(s)" + (f" ({', '.join(labels)})" if labels else "")
    message = f"{where} has {found}; scenes of unseen label pairs need at least {MIN_LABELS}"
    if reasons:
        examples = "; ".join(f"{name}: {reason}" for name, reason in list(reasons.items())[-3:])
        message += f" (left out: {len(reasons)}, such as {' '.join(examples.split())})"
    return message
