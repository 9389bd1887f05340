"""scenes-absence: which sound does not occur.

Kinds:
    alone: "a, but no b" against "b, but no a".
    beside: "a, then c, but no b" against "b, then c, but no a"; or at once.

Both captions mention the same sounds, so only the "no" tells which of them occurs.

Held out: the recordings, and the pair (a, b), which occurs in no training scene and in no caption of one: what is said
to be absent there could have been combined with what occurs. c is any third label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Plan, RelationNode, SceneNode, replace_nodes
from compa.scenes.composition.sampling import draw_sound, draw_spec
from compa.scenes.composition.two_sounds import SCENE_SECONDS

NAME = "scenes-absence"
ALONE, BESIDE = "alone", "beside"


def _draw(kind: str, pair: Pair, others: list[str], rng: np.random.Generator) -> Plan:
    sound = draw_sound(pair[0], rng)
    root: SceneNode = sound
    if kind == BESIDE:
        third = draw_sound(others[0], rng)
        parts = (sound, third) if rng.random() < 0.5 else (third, sound)
        root = RelationNode((Then, While)[int(rng.integers(2))], parts)
    return Plan(root, {}, SCENE_SECONDS, float(rng.random()), absent=pair[1])


def _edit(plan: Plan, _: str, pair: Pair, rng: np.random.Generator) -> Plan:
    present, absent = pair
    node = find(plan, present)
    new = replace(node, spec=draw_spec(absent, rng))
    return replace(plan, root=replace_nodes(plan.root, {id(node): new}), absent=present)


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells A without B from B without A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=planned(NAME, (ALONE, BESIDE), _draw, _edit),
)
