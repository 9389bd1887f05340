"""Pair tasks rendered from an event bank: twins of unseen recordings in unseen combinations of labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from tqdm import tqdm

from benchmarks.tasks import Credit, Item, Material
from benchmarks.tasks.pairs import PairTask
from compa.scenes.bank import EventBank
from compa.scenes.holdout import held_out_pairs, stable_hash
from compa.scenes.twins import TwinScenes

NUM_ITEMS = 400
NEEDS = "nothing (built-in sounds), or --events DIR|CSV"


@dataclass(frozen=True)
class ScenePairs(PairTask):
    """A fixed set of twins.

    Every item follows from the task's name and version, its own number and the bank, and from no seed. The
    held-out label pairs take turns, so each has as many items as the others, up to one; a hash decides whose
    turn is first, so that the first few items are a sample too.

    Attributes:
        make: Renders a scene and its minimal edit.
    """

    make: Callable[[EventBank, tuple[str, str], np.random.Generator], TwinScenes]

    def items(self, material: Material, limit: int | None = None) -> list[Item]:
        """The items, or the first `limit` of them, from the recordings of the bank that are for tests."""
        bank = material.bank
        pairs = sorted(held_out_pairs(bank.labels), key=lambda pair: stable_hash(self.name, self.version, *pair))
        test_bank = bank.split("test")
        numbers = range(self.expected if limit is None else min(limit, self.expected))
        return [
            self._item(test_bank, pairs[index % len(pairs)], index)
            for index in tqdm(numbers, desc=f"Rendering {self.name}", unit="item", leave=False, disable=None)
        ]

    def _item(self, bank: EventBank, pair: tuple[str, str], index: int) -> Item:
        rng = np.random.default_rng(stable_hash(self.name, self.version, index))
        labels = pair if rng.random() < 0.5 else pair[::-1]
        twins = self.make(bank, labels, rng)
        snippets = [(placement.label, placement.snippet) for placement in twins.scenes[0].placements]
        return Item(
            id=f"{self.name}-{index:03d}",
            audio=tuple((waveform, bank.sample_rate) for waveform in twins.waveforms),
            captions=twins.captions,
            labels=labels,
            recordings=tuple(snippet.recording for _, snippet in snippets),
            sources=tuple(snippet.source or snippet.recording for _, snippet in snippets),
            events=tuple(scene.events for scene in twins.scenes),
            credits=tuple(
                Credit(label, snippet.recording, snippet.source, snippet.author, snippet.licence)
                for label, snippet in snippets
            ),
        )
