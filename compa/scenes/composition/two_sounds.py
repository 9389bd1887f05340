"""Twins of two sounds: which is first, and which is louder. The tasks `scenes-order` and `scenes-attribute` have these.

Their properties are fixed, so that scores stay comparable; a change here is a new version of those tasks. A scene lasts
4 s. Both sounds last 1.5 to 2 s and have equal RMS. In sequence, at most 0.5 s separate them and they do not overlap;
at once, they overlap for more than half of the shorter one, and their levels differ by 6 to 12 dB.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from compa.audio.loudness import rms_level
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Claim, Then, Truth, While
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.pairs import TwinScenes, make_twins
from compa.scenes.composition.plan import Plan, RelationNode, SoundNode, claim_of
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.sampling import draw_sound
from compa.scenes.composition.timeline import Timeline, lay_out

SCENE_SECONDS = 4.0
SNIPPET_SECONDS = (1.5, 2.0)
MAX_GAP_SECONDS = 0.5
LEVEL_DIFFERENCE_DB = (6.0, 12.0)
NUM_TRIES = 20


class TwoSounds:
    """Draws twins of two sounds of a bank.

    Args:
        kind: `order` or `attribute-swap`.
        bank: Where the sounds come from.
        pairs: Label pairs that may be combined; each is drawn as often as it is listed.
    """

    def __init__(self, kind: str, bank: EventBank, pairs: Sequence[tuple[str, str]]) -> None:
        self.kind = kind
        self.bank = bank
        self.label_pairs = LabelPairs(bank.labels, pairs)
        self._pairs = pairs

    def twins(self, rng: np.random.Generator) -> TwinScenes:
        """Draws a scene of any pair, and its twin.

        Raises:
            ValueError: If the recordings are too short.
        """
        for _ in range(NUM_TRIES):
            if twins := self.twins_of(self._draw_pair(rng), rng):
                return twins
        raise ValueError(f"no scene of two sounds can be made of {self.bank.name}: its recordings are too short")

    def claims(self, rng: np.random.Generator) -> tuple[Claim, Claim]:
        """Draws the claims of twins without their sounds, which takes much less time."""
        plan = PLANS[self.kind](self._draw_pair(rng), rng)
        edited = self._edit(plan, rng)
        return claim_of(plan), claim_of(edited)

    def twins_of(self, labels: tuple[str, str], rng: np.random.Generator) -> TwinScenes | None:
        """Draws a scene of two labels, first or louder the first, and its twin; None where one is inaudible."""
        preparer = SnippetPreparer(self.bank, rms_level)
        scene = lay_out(PLANS[self.kind](labels, rng), preparer)
        if scene is None or claim_of(scene.plan).judge(scene.events) is not Truth.TRUE:
            return None
        return make_twins(self.kind, scene, lambda plan: self._edit(plan, rng), preparer, rng)

    def _draw_pair(self, rng: np.random.Generator) -> tuple[str, str]:
        labels = self._pairs[int(rng.integers(len(self._pairs)))]
        return labels if rng.random() < 0.5 else labels[::-1]

    def _edit(self, plan: Plan, rng: np.random.Generator) -> Plan:
        edited = EDITS[self.kind](plan, self.label_pairs, rng)
        assert edited is not None, plan
        return edited


def full_twins(two_sounds: TwoSounds, labels: tuple[str, str], rng: np.random.Generator) -> TwinScenes | None:
    """Draws twins of two labels until both sounds last at least 1.5 s.

    Returns:
        The first such twins; where none are found, since recordings are shorter, the first of all; None where there are
        none at all.
    """
    first = None
    for _ in range(NUM_TRIES):
        twins = two_sounds.twins_of(labels, rng)
        if twins and _is_full(twins.timelines[0]):
            return twins
        first = first or twins
    return first


def _is_full(scene: Timeline) -> bool:
    return all(event.offset - event.onset >= SNIPPET_SECONDS[0] - 1e-6 for event in scene.events)


def _order_plan(labels: tuple[str, str], rng: np.random.Generator) -> Plan:
    """The first label, then the second."""
    first, second = (_sound(label, rng) for label in labels)
    gap = float(rng.uniform(0.0, min(MAX_GAP_SECONDS, SCENE_SECONDS - first.seconds - second.seconds)))
    return Plan(RelationNode(Then, (first, second), gaps=(gap,)), {}, SCENE_SECONDS, float(rng.random()))


def _loudness_plan(labels: tuple[str, str], rng: np.random.Generator) -> Plan:
    """Both labels at once, the first one louder."""
    difference = float(rng.uniform(*LEVEL_DIFFERENCE_DB))
    values = {("loudness", "loud"): difference / 2, ("loudness", "quiet"): -difference / 2}
    loud, quiet = (
        replace(_sound(label, rng), attributes={"loudness": word}, mentioned=frozenset({"loudness"}))
        for label, word in zip(labels, ("loud", "quiet"), strict=True)
    )
    parts, shifts = (loud, quiet) if rng.random() < 0.5 else (quiet, loud), tuple(rng.random(2).tolist())
    return Plan(RelationNode(While, parts, shifts=shifts), values, SCENE_SECONDS, float(rng.random()))


PLANS: dict[str, Callable[[tuple[str, str], np.random.Generator], Plan]] = {
    "order": _order_plan,
    "attribute-swap": _loudness_plan,
}
"""The plans of two sounds by the kind of the edit that makes their twins."""


def _sound(label: str, rng: np.random.Generator) -> SoundNode:
    return replace(draw_sound(label, rng), seconds=float(rng.uniform(*SNIPPET_SECONDS)))
