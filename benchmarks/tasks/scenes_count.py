"""scenes-count: how often something sounds.

Kinds: 2-3, 2-4 and 3-4 say which two numbers are told apart: "three bouts of a, then b" against "two bouts of a,
then b", with the same recording of a, equally long pauses, and b as it was.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, find, planned, sound
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Group, Plan, exchanged
from compa.scenes.composition.sampling import COUNT_PAUSES, COUNT_SECONDS, COUNTS

NAME = "scenes-count"
SECONDS = 6.0


def _draw(kind: str, pair: Pair, _: list[str], rng: np.random.Generator) -> Plan:
    counted, other = (sound(label, rng) for label in pair)
    counted = replace(
        counted,
        count=int(rng.permutation(_numbers(kind))[0]),
        seconds=float(rng.uniform(*COUNT_SECONDS)),
        pauses=tuple(float(rng.uniform(*COUNT_PAUSES)) for _ in range(max(COUNTS) - 1)),
    )
    parts = (counted, other) if rng.random() < 0.5 else (other, counted)
    return Plan(Group((Then, While)[int(rng.integers(2))], parts, (), ()), {}, SECONDS, float(rng.random()))


def _edit(plan: Plan, kind: str, pair: Pair, _: np.random.Generator) -> Plan:
    counted = find(plan, pair[0])
    (number,) = (number for number in _numbers(kind) if number != counted.count)
    return replace(plan, root=exchanged(plan.root, {id(counted): replace(counted, count=number)}))


def _numbers(kind: str) -> list[int]:
    return [int(number) for number in kind.split("-")]


TASK = ComposedPairs(
    name=NAME,
    version=1,
    measures="Tells how often a sound comes, twice to four times, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    series=planned(NAME, ("2-3", "2-4", "3-4"), _draw, _edit),
)
