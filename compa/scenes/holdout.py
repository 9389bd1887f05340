"""Which label pairs and recordings are held out from training: a stable hash of names decides, whatever the seed.

The demo, `fit` and `bench` agree on it without any communication, so a score on held-out pairs is always one on
combinations that the model has never heard. A run folder holds a record of it.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, islice, product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from compa.utils.files import write_whole
from compa.utils.text import stable_hash

if TYPE_CHECKING:
    from compa.scenes.banks.bank import EventBank

MIN_FRACTION = 0.15
MIN_PAIRS = 8
FILE_NAME = "heldout.json"


@dataclass(frozen=True)
class HeldOut:
    """What a training left out of an event bank.

    Attributes:
        bank: Name of the bank.
        bank_fingerprint: Identifies its contents.
        pairs: Label pairs that were never combined.
        recordings: Names of the recordings that were never used.
    """

    bank: str
    bank_fingerprint: str
    pairs: tuple[tuple[str, str], ...]
    recordings: tuple[str, ...]

    @classmethod
    def of(cls, bank: EventBank) -> HeldOut:
        """What every training on a whole bank leaves out."""
        test = bank.split("test")
        recordings = sorted(name for label in test.labels for name in test.recordings(label))
        return cls(bank.name, bank.fingerprint, tuple(sorted(held_out_pairs(bank.labels))), tuple(recordings))

    def record(self) -> dict[str, Any]:
        """The record as JSON has it."""
        return {
            "bank": self.bank,
            "bank_fingerprint": self.bank_fingerprint,
            "held_out_pairs": list(map(list, self.pairs)),
            "test_recordings": list(self.recordings),
        }

    def write(self, folder: Path) -> None:
        """Writes `heldout.json` into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(folder / FILE_NAME, f"{json.dumps(self.record(), indent=1, ensure_ascii=False)}\n".encode())

    @classmethod
    def read(cls, folder: Path) -> HeldOut | None:
        """Reads a folder's record; None where it has none.

        Raises:
            ValueError: If `heldout.json` is there but not as `write` writes it.
        """
        path = folder / FILE_NAME
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
            pairs = tuple((str(first), str(second)) for first, second in record["held_out_pairs"])
            recordings = tuple(map(str, record["test_recordings"]))
            return cls(str(record["bank"]), str(record.get("bank_fingerprint", "")), pairs, recordings)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ValueError(
                f"{path} is not a record of what was held out ({error!r}); train again, or delete it"
            ) from None


def label_pairs(labels: Iterable[str]) -> list[tuple[str, str]]:
    """All unordered pairs of different labels, each sorted."""
    return list(combinations(sorted(set(labels)), 2))


def held_out_pairs(labels: Iterable[str]) -> frozenset[tuple[str, str]]:
    """Chooses the label pairs that only tests may combine.

    At least 15 % of all pairs and at least 8, but never more than half of them. The labels form a circle in the order
    of their hashes; neighbors are held out first, then labels two places apart, and so on. So the numbers of held-out
    pairs that any two labels are part of differ by at most one.

    Args:
        labels: The labels of an event bank, at least 3 different ones.

    Returns:
        Sorted pairs `(a, b)` with `a < b`.

    Raises:
        ValueError: With fewer than 3 labels, of which no pair can be held out.
    """
    circle = sorted(set(labels), key=lambda label: stable_hash("held-out pairs", label))
    if len(circle) < 3:
        raise ValueError(f"held-out pairs need at least 3 labels; got {len(circle)}")
    num_pairs = math.comb(len(circle), 2)
    wanted = min(max(MIN_PAIRS, math.ceil(MIN_FRACTION * num_pairs)), num_pairs // 2)
    return frozenset((min(pair), max(pair)) for pair in islice(_by_distance(circle), wanted))


def _by_distance(circle: list[str]) -> Iterator[tuple[str, str]]:
    """All pairs by their distance on the circle; among pairs of one distance, labels take turns.

    Steps of one distance run through the circle in cycles. Of each cycle every second step comes first, so that no
    label is used twice, then the step that closes a cycle of odd length, then the others.
    """
    size = len(circle)
    for distance in range(1, (size + 1) // 2):
        num_cycles = math.gcd(size, distance)
        length = size // num_cycles
        even, closing, odd = (
            range(0, length - 1, 2),
            range(length - 1, length * (length % 2)),
            range(1, length, 2),
        )
        for steps, start in product((even, closing, odd), range(num_cycles)):
            for step in steps:
                yield circle[(start + step * distance) % size], circle[(start + (step + 1) * distance) % size]
    if size % 2 == 0:
        yield from zip(circle[: size // 2], circle[size // 2 :], strict=True)


def training_pairs(labels: Iterable[str]) -> list[tuple[str, str]]:
    """The label pairs that training may combine, sorted."""
    held_out = held_out_pairs(labels)
    return [pair for pair in label_pairs(labels) if pair not in held_out]
