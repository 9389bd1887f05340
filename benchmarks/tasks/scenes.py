"""Pair tasks rendered from an event bank: twins of unseen recordings in unseen combinations of labels."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.items import Credit, Item
from benchmarks.tasks.exported import exported_data, read_exported
from benchmarks.tasks.pairs import PairTask, leaks_of
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.manifest import Event
from compa.scenes.banks.bank import EventBank, Snippet
from compa.utils.text import stable_hash

NUM_ITEMS = 400
NEEDS = "nothing (built-in sounds), --events DIR|CSV, or --data DIR as `compa bench export` writes it"

Pair = tuple[str, str]


@dataclass(frozen=True)
class RenderedPairs(PairTask):
    """A fixed set of twins.

    Every item is a function of the task's name and version, its number and the bank, not of a seed. The held-out label
    pairs take turns, so the numbers of their items differ by at most one; a hash decides which pair is first, so that
    the first few items are a sample, too.
    """

    @abstractmethod
    def maker(self, bank: EventBank) -> Callable[[int], Item]:
        """Returns a function that makes an item by its number, of a bank's test recordings."""

    def items(self, material: TaskInputs, limit: int | None = None) -> list[Item]:
        """Renders the items, or the first `limit` of them, or reads those that `compa bench export` wrote."""
        if material.data is not None:
            return read_exported(self, material.data)[:limit]
        make = self.maker(material.bank)
        numbers = range(self.expected if limit is None else min(limit, self.expected))
        return [make(n) for n in tqdm(numbers, f"Rendering {self.name}", unit="item", leave=False, disable=None)]

    def prepare(self, material: TaskInputs, limit: int | None = None) -> TestSet:
        """Renders or reads the items, and describes what they are made of."""
        if material.data is None:
            return super().prepare(material, limit)
        items = self.items(material, limit)
        return TestSet(items, exported_data(self, material.data) | {"found": len(items)}, leaks_of(items))

    def in_turn(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Label pairs in the order of their turns."""
        return sorted(pairs, key=lambda pair: stable_hash(self.name, self.version, *pair))

    def generator(self, index: int) -> np.random.Generator:
        """The generator that draws an item."""
        return np.random.default_rng(stable_hash(self.name, self.version, index))

    def item(
        self,
        index: int,
        bank: EventBank,
        waveforms: NDArray[np.float32],
        captions: tuple[str, ...],
        labels: Sequence[str],
        sounds: Sequence[tuple[str, Snippet]],
        events: Sequence[tuple[Event, ...]],
        kind: str | None = None,
        paraphrases: tuple[str, ...] = (),
    ) -> Item:
        """An item of waveforms (scenes, samples), made of snippets of these labels."""
        return Item(
            id=f"{self.name}-{index:03d}",
            audio=tuple((waveform, bank.sample_rate) for waveform in waveforms),
            captions=captions,
            labels=tuple(labels),
            recordings=tuple(snippet.recording for _, snippet in sounds),
            sources=tuple(snippet.source or snippet.recording for _, snippet in sounds),
            events=tuple(events),
            credits=tuple(
                Credit(label, snippet.recording, snippet.source, snippet.author, snippet.licence)
                for label, snippet in sounds
            ),
            kind=kind,
            paraphrases=paraphrases,
        )
