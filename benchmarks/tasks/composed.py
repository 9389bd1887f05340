"""Pair tasks of composed scenes: held-out label pairs and kinds take turns, and captions may come with paraphrases."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from math import lcm
from typing import NamedTuple

import numpy as np

from benchmarks.items import Item
from benchmarks.results.result import Result
from benchmarks.scorer import Scorer
from benchmarks.tasks.paraphrases import WithParaphrases
from benchmarks.tasks.scenes import Pair, RenderedPairs
from benchmarks.tasks.task import TestSet
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import render_caption
from compa.scenes.claims import Claim, While
from compa.scenes.composition.pairs import TwinScenes, make_twins
from compa.scenes.composition.plan import Plan, SoundNode, sound_nodes
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.sampling import draw_times
from compa.scenes.composition.timeline import mix
from compa.scenes.composition.two_sounds import TwoSounds, full_twins
from compa.scenes.holdout import held_out_pairs

NUM_TRIES = 12
"""How many recordings, times and parts are tried for a pair of labels and a kind."""

DrawPlan = Callable[[str, Pair, list[str], np.random.Generator], Plan]
"""From a kind, a held-out pair and the other labels, in random order, to a plan with both labels of the pair."""
EditPlan = Callable[[Plan, str, Pair, np.random.Generator], Plan]
"""From such a plan with its times, kind and pair to the plan of the twin."""


class SceneItem(NamedTuple):
    """Twins, the captions i that are true of scene i alone, and as many paraphrases of them, or none."""

    twins: TwinScenes
    captions: tuple[str, str]
    paraphrases: tuple[str, ...] = ()


@dataclass(frozen=True)
class ItemSource:
    """What a task draws its items from.

    Attributes:
        kinds: The kinds of items, which take turns; None is the only kind.
        pairs: Held-out label pairs, which take turns.
        draw: Draws an item of test recordings, a kind and a pair; None where these recordings do not allow it.
    """

    kinds: tuple[str | None, ...]
    pairs: Collection[Pair]
    draw: Callable[[EventBank, str | None, Pair, np.random.Generator], SceneItem | None]


@dataclass(frozen=True)
class ComposedPairs(RenderedPairs):
    """Twins of one or several kinds.

    A held-out pair whose recordings do not allow a kind (steady rain has no tempo) leaves its turn to the next kind,
    then to the next pair.

    Attributes:
        source: What items of a bank are drawn from; raises ValueError for a bank that does not suffice.
    """

    source: Callable[[EventBank], ItemSource]

    def maker(self, bank: EventBank) -> Callable[[int], Item]:
        """See `RenderedPairs`."""
        source, test_bank = self.source(bank), bank.split("test")
        pairs, num_kinds = self.in_turn(source.pairs), len(source.kinds)

        def make(index: int) -> Item:
            rng, turn = self.generator(index), index % len(pairs)
            again = index // lcm(len(pairs), num_kinds)  # from here on all pairs have had their kinds: others come
            first = (index + again) % num_kinds
            for pair in (*pairs[turn:], *pairs[:turn]):
                for kind in (*source.kinds[first:], *source.kinds[:first]):
                    for _ in range(NUM_TRIES):
                        labels = pair if rng.random() < 0.5 else pair[::-1]
                        if drawn := source.draw(test_bank, kind, labels, rng):
                            return self._item(index, test_bank, kind, labels, drawn)
            raise ValueError(
                f"{self.name} cannot be made of the test recordings of {bank.name}: they are too short, or too alike"
            )

        return make

    def run(self, scorer: Scorer, model: str, test_set: TestSet, seed: int) -> Result:
        """Scores all items in one call, with their paraphrases where they have some; see `PairTask`."""
        if not all(item.paraphrases for item in test_set.items):
            return super().run(scorer, model, test_set, seed)
        with_paraphrases = WithParaphrases(scorer, model, test_set.items)
        return with_paraphrases.added_to(super().run(with_paraphrases, model, test_set, seed))

    def _item(self, index: int, bank: EventBank, kind: str | None, pair: Pair, drawn: SceneItem) -> Item:
        timelines = drawn.twins.timelines
        placed = [placed for timeline in timelines for placed in timeline.placed]
        sounds = {(one.node.label, one.sound.snippet.recording): one.sound.snippet for one in placed}
        return self.item(
            index,
            bank,
            mix(timelines),
            drawn.captions,
            tuple(dict.fromkeys((*pair, *(label for label, _ in sounds)))),
            [(label, snippet) for (label, _), snippet in sounds.items()],
            [timeline.events for timeline in timelines],
            kind,
            drawn.paraphrases,
        )


def two_sounds(edit: str) -> Callable[[EventBank], ItemSource]:
    """Items of two sounds, as `compa.scenes.composition.two_sounds` fixes them, without paraphrases.

    Both captions of an item have the same words; only the places of the labels differ.

    Args:
        edit: `order` or `attribute-swap`.
    """

    def draw(bank: EventBank, _: str | None, pair: Pair, rng: np.random.Generator) -> SceneItem | None:
        twins = full_twins(TwoSounds(edit, bank, [pair]), pair, rng)
        if twins is None:
            return None
        first, second = twins.claims
        if isinstance(second, While):  # its parts may stand in any order: that of the other label first
            second = While(*second.parts[::-1])
        return SceneItem(twins, say_alike((first, second), rng))

    return lambda bank: ItemSource((None,), held_out_pairs(bank.labels), draw)


def planned(
    name: str, kinds: tuple[str, ...], draw: DrawPlan, edit: EditPlan, num_labels: int = 3
) -> Callable[[EventBank], ItemSource]:
    """Items of scenes that are given by plans.

    Args:
        name: Of the task.
        kinds: The kinds that `draw` and `edit` know.
        draw: Draws a plan, without times.
        edit: Changes the one thing that makes the twin.
        num_labels: The most labels of such a scene; a bank needs as many, and at least 3.
    """

    def source(bank: EventBank) -> ItemSource:
        if len(bank.labels) < num_labels:
            raise ValueError(f"{name} needs at least {num_labels} labels; {bank.name} has {len(bank.labels)}")
        return ItemSource(kinds, held_out_pairs(bank.labels), draw_one)

    def draw_one(bank: EventBank, kind: str | None, pair: Pair, rng: np.random.Generator) -> SceneItem | None:
        known = kind or ""
        others = [str(label) for label in rng.permutation([label for label in bank.labels if label not in pair])]
        plan = draw(known, pair, others, rng)
        return draw_item(bank, known, plan, lambda timed: edit(timed, known, pair, rng), rng)

    return source


def draw_item(
    bank: EventBank, kind: str, plan: Plan, edit: Callable[[Plan], Plan], rng: np.random.Generator
) -> SceneItem | None:
    """Draws times for a plan, edits it, and words both claims; None where the recordings do not allow it."""
    preparer = SnippetPreparer(bank)
    scene = draw_times(plan, preparer, rng)
    twins = make_twins(kind, scene, edit, preparer, rng) if scene else None
    if twins is None:
        return None
    captions = paraphrases = say_alike(twins.claims, rng)
    while set(captions) & set(paraphrases):
        paraphrases = say_alike(twins.claims, rng)
    return SceneItem(twins, captions, paraphrases)


def say_alike(claims: tuple[Claim, Claim], rng: np.random.Generator) -> tuple[str, str]:
    """Words both claims with the same draws, so that only what is claimed differs."""
    seed = int(rng.integers(2**62))
    first, second = (render_caption(claim, np.random.default_rng(seed)) for claim in claims)
    return first, second


def find(plan: Plan, label: str) -> SoundNode:
    """The sound of a label that occurs in the plan once."""
    (node,) = (node for node in sound_nodes(plan.root) if node.label == label)
    return node
