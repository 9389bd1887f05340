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
from compa.scenes.holdout import held_out_pairs, stable_hash
from compa.scenes.twins import TwinScenes

NUM_ITEMS = 400
NEEDS = "nothing (built-in sounds), --events DIR|CSV, or --data DIR as `compa bench export` writes it"

Pair = tuple[str, str]


@dataclass(frozen=True)
class RenderedPairs(PairTask):
    """A fixed set of twins.

    Every item follows from the task's name and version, its own number and the bank, and from no seed. The
    held-out label pairs take turns, so each has as many items as the others, up to one; a hash decides whose
    turn is first, so that the first few items are a sample too.
    """

    @abstractmethod
    def maker(self, bank: EventBank) -> Callable[[int], Item]:
        """What makes an item by its number, of the recordings of a bank that are for tests."""

    def items(self, material: TaskInputs, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them, from the recordings of the bank that are for tests.

        Where the user brings what `compa bench export` wrote, that is read.
        """
        if material.data is not None:
            return read_exported(self, material.data)[:limit]
        make = self.maker(material.bank)
        numbers = range(self.expected if limit is None else min(limit, self.expected))
        return [make(n) for n in tqdm(numbers, f"Rendering {self.name}", unit="item", leave=False, disable=None)]

    def prepare(self, material: TaskInputs, limit: int | None = None) -> TestSet:
        """Makes the items, or reads them, and says what they are made of."""
        if material.data is None:
            return super().prepare(material, limit)
        items = self.items(material, limit)
        return TestSet(items, exported_data(self, material.data) | {"found": len(items)}, leaks_of(items))

    def in_turn(self, pairs: Iterable[Pair]) -> list[Pair]:
        """Label pairs in the order in which they have their turns."""
        return sorted(pairs, key=lambda pair: stable_hash(self.name, self.version, *pair))

    def chances(self, index: int) -> np.random.Generator:
        """What draws everything of an item."""
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
        """An item of waveforms (scenes, samples), made of the sounds of these labels."""
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


@dataclass(frozen=True)
class ScenePairs(RenderedPairs):
    """Twins of two sounds, with one caption each.

    Attributes:
        make: Renders a scene and its minimal edit.
    """

    make: Callable[[EventBank, Pair, np.random.Generator], TwinScenes]

    def maker(self, bank: EventBank) -> Callable[[int], Item]:
        """See `RenderedPairs`."""
        pairs, test_bank = self.in_turn(held_out_pairs(bank.labels)), bank.split("test")

        def make(index: int) -> Item:
            rng, pair = self.chances(index), pairs[index % len(pairs)]
            labels = pair if rng.random() < 0.5 else pair[::-1]
            twins = self.make(test_bank, labels, rng)
            sounds = [(placement.label, placement.snippet) for placement in twins.scenes[0].placements]
            events = [scene.events for scene in twins.scenes]
            return self.item(index, test_bank, twins.waveforms, twins.captions, labels, sounds, events)

        return make
