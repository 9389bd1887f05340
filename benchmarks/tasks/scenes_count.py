"""scenes-count: how often a sound occurs.

Kinds: 2-3, 2-4 and 3-4 are the two numbers to tell apart: "three bouts of a, then b" against "two bouts of a, then b",
with the same recording of a, equally long pauses, and b unchanged.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Plan, RelationNode, replace_nodes
from compa.scenes.composition.sampling import COUNT_PAUSES, COUNT_SECONDS, COUNTS, draw_sound

NAME = "scenes-count"
SECONDS = 6.0


def _draw(kind: str, pair: Pair, _: list[str], rng: np.random.Generator) -> Plan:
    counted, other = (draw_sound(label, rng) for label in pair)
    counted = replace(
        counted,
        count=int(rng.permutation(_numbers(kind))[0]),
        seconds=float(rng.uniform(*COUNT_SECONDS)),
        pauses=tuple(float(rng.uniform(*COUNT_PAUSES)) for _ in range(max(COUNTS) - 1)),
    )
    parts = (counted, other) if rng.random() < 0.5 else (other, counted)
    return Plan(RelationNode((Then, While)[int(rng.integers(2))], parts), {}, SECONDS, float(rng.random()))


def _edit(plan: Plan, kind: str, pair: Pair, _: np.random.Generator) -> Plan:
    counted = find(plan, pair[0])
    (number,) = (number for number in _numbers(kind) if number != counted.count)
    return replace(plan, root=replace_nodes(plan.root, {id(counted): replace(counted, count=number)}))


def _numbers(kind: str) -> list[int]:
    return [int(number) for number in kind.split("-")]


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells how often a sound occurs, twice to four times, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=planned(NAME, ("2-3", "2-4", "3-4"), _draw, _edit),
)
