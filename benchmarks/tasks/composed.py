"""Pair tasks of several kinds: held-out label pairs and kinds take turns, and every caption comes in two phrasings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from math import lcm
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Item
from benchmarks.results.result import Result
from benchmarks.scorer import Scorer
from benchmarks.tasks.paraphrases import WithParaphrases
from benchmarks.tasks.scenes import Pair, RenderedPairs
from benchmarks.tasks.task import TestSet
from compa.manifest import Event
from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.captions import Grammar
from compa.scenes.claims import Claim
from compa.scenes.composition.composer import tell_apart
from compa.scenes.composition.plan import Leaf, Plan, Take, claim_of, leaves
from compa.scenes.composition.preparation import Studio
from compa.scenes.composition.sampling import draw_times
from compa.scenes.composition.timeline import lay_out, mix
from compa.scenes.holdout import held_out_pairs

TRIES = 12
"""How many recordings, times and parts are tried for a pair of labels and a kind."""

Draw = Callable[[str, Pair, list[str], np.random.Generator], Plan]
"""From a kind, a held-out pair and the other labels, in random order, to a plan that holds both labels of the pair."""
Edit = Callable[[Plan, str, Pair, np.random.Generator], Plan]
"""From such a plan with its times, kind and pair to the plan of the twin."""


class Question(NamedTuple):
    """Two scenes, the texts i and 2 + i that are true of scene i alone, and what the scenes are made of."""

    waveforms: NDArray[np.float32]
    captions: tuple[str, str]
    paraphrases: tuple[str, str]
    events: Sequence[tuple[Event, ...]]
    sounds: Sequence[tuple[str, Snippet]]


@dataclass(frozen=True)
class Series:
    """What a task asks of a bank.

    Attributes:
        kinds: They take turns.
        pairs: Held-out label pairs, which take turns.
        make: From test recordings, a kind and a pair to a question; None where it cannot be made of them.
    """

    kinds: tuple[str, ...]
    pairs: Collection[Pair]
    make: Callable[[EventBank, str, Pair, np.random.Generator], Question | None]


@dataclass(frozen=True)
class ComposedPairs(RenderedPairs):
    """Twins of several kinds, with a caption and a paraphrase each.

    A held-out pair whose recordings do not give a kind (steady rain has no tempo) leaves its turn to the next kind,
    then to the next pair.

    Attributes:
        series: What to ask of a bank; raises ValueError for a bank that cannot serve.
    """

    series: Callable[[EventBank], Series]

    def maker(self, bank: EventBank) -> Callable[[int], Item]:
        """See `RenderedPairs`."""
        series, test_bank = self.series(bank), bank.split("test")
        pairs, num_kinds = self.in_turn(series.pairs), len(series.kinds)

        def make(index: int) -> Item:
            rng, turn = self.chances(index), index % len(pairs)
            again = index // lcm(len(pairs), num_kinds)  # from here on all pairs have had their kinds: others come
            first = (index + again) % num_kinds
            for pair in (*pairs[turn:], *pairs[:turn]):
                for kind in (*series.kinds[first:], *series.kinds[:first]):
                    for _ in range(TRIES):
                        labels = pair if rng.random() < 0.5 else pair[::-1]
                        if question := series.make(test_bank, kind, labels, rng):
                            return self._item(index, test_bank, kind, labels, question)
            raise ValueError(
                f"{self.name} cannot be made of the test recordings of {bank.name}: they are too short, or too alike"
            )

        return make

    def run(self, scorer: Scorer, model: str, test_set: TestSet, seed: int) -> Result:
        """Puts all items to a scorer in one call, with their paraphrases; see `PairTask`."""
        asked = WithParaphrases(scorer, model, test_set.items)
        return asked.added_to(super().run(asked, model, test_set, seed))

    def _item(self, index: int, bank: EventBank, kind: str, pair: Pair, question: Question) -> Item:
        sounds = {(label, snippet.recording): snippet for label, snippet in question.sounds}
        return self.item(
            index,
            bank,
            question.waveforms,
            question.captions,
            tuple(dict.fromkeys((*pair, *(label for label, _ in sounds)))),
            [(label, snippet) for (label, _), snippet in sounds.items()],
            question.events,
            kind,
            question.paraphrases,
        )


def planned(
    name: str, kinds: tuple[str, ...], draw: Draw, edit: Edit, num_labels: int = 3
) -> Callable[[EventBank], Series]:
    """Series of scenes that are given by plans.

    Args:
        name: Of the task.
        kinds: What `draw` and `edit` know.
        draw: Draws a plan, without times.
        edit: Changes the one thing that tells the twin from it.
        num_labels: How many labels such scenes hold at most; a bank needs as many, and 3 at least.
    """

    def series(bank: EventBank) -> Series:
        if len(bank.labels) < num_labels:
            raise ValueError(
                f"{name} combines {num_labels} labels, but {bank.name} has {len(bank.labels)}: give a bank with more"
            )
        return Series(kinds, held_out_pairs(bank.labels), make)

    def make(bank: EventBank, kind: str, pair: Pair, rng: np.random.Generator) -> Question | None:
        others = [str(label) for label in rng.permutation([label for label in bank.labels if label not in pair])]
        return asked(bank, draw(kind, pair, others, rng), lambda plan: edit(plan, kind, pair, rng), rng)

    return series


def asked(bank: EventBank, plan: Plan, edit: Callable[[Plan], Plan], rng: np.random.Generator) -> Question | None:
    """Gives a plan times, edits it, and puts both scenes in words; None where the recordings do not allow it.

    Each claim is true of its own scene and false of the other's timeline.
    """
    studio = Studio(bank)
    scene = draw_times(plan, studio, rng)
    twin = lay_out(edit(scene.plan), studio) if scene else None
    if scene is None or twin is None or not tell_apart(scene, twin):
        return None
    timelines = (scene, twin) if rng.random() < 0.5 else (twin, scene)  # which of the two is the edit tells nothing
    first, second = (claim_of(timeline.plan) for timeline in timelines)
    captions, paraphrases = in_words((first, second), rng)
    sounds = [(leaf.label, sound.snippet) for timeline in timelines for _, leaf, sound in timeline.placed]
    return Question(mix(timelines), captions, paraphrases, [timeline.events for timeline in timelines], sounds)


def in_words(claims: tuple[Claim, Claim], rng: np.random.Generator) -> tuple[tuple[str, str], tuple[str, str]]:
    """Both claims said in one way, and both in another, so that only what is claimed differs."""
    grammar = Grammar()

    def say() -> tuple[str, str]:
        seed = int(rng.integers(2**62))
        first, second = (grammar.say(claim, np.random.default_rng(seed)) for claim in claims)
        return first, second

    captions = paraphrases = say()
    while set(captions) & set(paraphrases):
        paraphrases = say()
    return captions, paraphrases


def sound(label: str, rng: np.random.Generator) -> Leaf:
    """A sound without traits, of a recording that is drawn."""
    return Leaf(Take(label, int(rng.integers(2**62))), 0.0)


def find(plan: Plan, label: str) -> Leaf:
    """The sound of a label that stands in the plan once."""
    (leaf,) = (leaf for leaf in leaves(plan.root) if leaf.label == label)
    return leaf
