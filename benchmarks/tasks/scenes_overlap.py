"""scenes-overlap: which sounds overlap.

Kinds:
    when: "a while b" against "a, then b".
    with-whom: "a with c, then b" against "b with c, then a", with all three sounds, equally long, in either scene.

Held out: the recordings, and the pair (a, b), which no training scene combines; so no training scene has the
combinations of either scene. c is any third label.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Plan, RelationNode, replace_nodes
from compa.scenes.composition.sampling import draw_sound
from compa.scenes.composition.two_sounds import SCENE_SECONDS

NAME = "scenes-overlap"
WHEN, WITH_WHOM = "when", "with-whom"


def _draw(kind: str, pair: Pair, others: list[str], rng: np.random.Generator) -> Plan:
    one, other = (draw_sound(label, rng) for label in pair)
    if kind == WHEN:
        root = RelationNode((Then, While)[int(rng.integers(2))], (one, other))
    else:
        third = draw_sound(others[0], rng)
        together = RelationNode(While, (one, third) if rng.random() < 0.5 else (third, one))
        root = RelationNode(Then, (together, other) if rng.random() < 0.5 else (other, together))
    return Plan(root, {}, SCENE_SECONDS, float(rng.random()))


def _edit(plan: Plan, kind: str, pair: Pair, _: np.random.Generator) -> Plan:
    if kind == WHEN:
        assert isinstance(plan.root, RelationNode)
        return replace(plan, root=replace(plan.root, relation=While if plan.root.relation is Then else Then))
    one, other = (find(plan, label) for label in pair)
    return replace(plan, root=replace_nodes(plan.root, {id(one): other, id(other): one}))


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells simultaneous sounds from successive ones, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=planned(NAME, (WHEN, WITH_WHOM), _draw, _edit),
)
