"""scenes-nesting: which sound belongs to which part.

Kinds: depth-2, depth-3 and depth-4 are the numbers of nested relations: "a with c, then b" is 2 deep, "a, then c, all
of that with d; then b" is 3 deep. Relations alternate, each level adds a sound, and the twin exchanges a from the
innermost relation with b from further out; so both scenes have the same sounds in the same relations.

Held out: the recordings, and the pair (a, b), which no training scene combines. The other labels are any.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Plan, RelationNode, SceneNode, replace_nodes
from compa.scenes.composition.sampling import draw_sound

NAME = "scenes-nesting"
SECONDS = 10.0
DEPTHS = {"depth-2": 2, "depth-3": 3, "depth-4": 4}


def _draw(kind: str, pair: Pair, others: list[str], rng: np.random.Generator) -> Plan:
    depth = DEPTHS[kind]
    place = int(rng.integers(1, depth))  # of the pair's second label, among the sounds around the innermost one
    labels = [pair[0], *others[: depth - 1]]
    labels.insert(place + 1, pair[1])
    relation = (Then, While)[int(rng.integers(2))]
    node: SceneNode = draw_sound(labels[0], rng)
    for label in labels[1:]:
        parts = (node, draw_sound(label, rng))
        node = RelationNode(relation, parts if rng.random() < 0.5 else parts[::-1])
        relation = While if relation is Then else Then
    return Plan(node, {}, SECONDS, float(rng.random()))


def _edit(plan: Plan, _: str, pair: Pair, __: np.random.Generator) -> Plan:
    inner, outer = (find(plan, label) for label in pair)
    return replace(plan, root=replace_nodes(plan.root, {id(inner): outer, id(outer): inner}))


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells which sound belongs to which part of a nested scene, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=planned(NAME, tuple(DEPTHS), _draw, _edit, num_labels=max(DEPTHS.values()) + 1),
)
