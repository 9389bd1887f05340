"""scenes-absence: what does not sound.

Kinds:
    alone: "a, but no b" against "b, but no a".
    beside: "a, then c, but no b" against "b, then c, but no a"; or at once.

Either caption names the same sounds, so it takes the "no" to tell which of them is heard.

Held out: the recordings, and the pair (a, b), which stands in no training scene and in no caption about one: what is
said to be absent there could have been combined with what is heard. c is any third label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned, sound
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Group, Node, Plan, exchanged
from compa.scenes.twins import SCENE_SECONDS

NAME = "scenes-absence"
ALONE, BESIDE = "alone", "beside"


def _draw(kind: str, pair: Pair, others: list[str], rng: np.random.Generator) -> Plan:
    heard = sound(pair[0], rng)
    root: Node = heard
    if kind == BESIDE:
        third = sound(others[0], rng)
        parts = (heard, third) if rng.random() < 0.5 else (third, heard)
        root = Group((Then, While)[int(rng.integers(2))], parts, (), ())
    return Plan(root, {}, SCENE_SECONDS, float(rng.random()), absent=pair[1])


def _edit(plan: Plan, _: str, pair: Pair, rng: np.random.Generator) -> Plan:
    heard, absent = pair
    leaf = find(plan, heard)
    new = replace(leaf, take=sound(absent, rng).take)
    return replace(plan, root=exchanged(plan.root, {id(leaf): new}), absent=heard)


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells A without B from B without A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    series=planned(NAME, (ALONE, BESIDE), _draw, _edit),
)
