"""scenes-mention-time: what is said first is not what sounds first.

Both scenes hold a and b, in either order, as in `scenes-order`. A caption mentions first what sounds first ("a, then
b": forward) or what sounds last ("b after a": backward). Kinds say how the captions of the first and the second scene
go, so each label that is mentioned first is heard first in one half of the items and last in the other:

    forward-forward    "a, then b"   against  "b, then a"
    backward-backward  "b after a"   against  "a after b"
    forward-backward   "a, then b"   against  "a after b"
    backward-forward   "b after a"   against  "b, then a"

A model that takes the order of mention for that of time wins the first kind alone: 0.25 of the items, exactly, and 0
of the paraphrases, which go the other way. Words around the labels are those of `scenes-order`.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, Question, Series
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs
from compa.scenes.old_captions import THEN_BACKWARD, THEN_FORWARD
from compa.scenes.twins import order_twins

WAYS = {"forward": THEN_FORWARD, "backward": THEN_BACKWARD}
KINDS = tuple("-".join(ways) for ways in product(WAYS, repeat=2))


def _ask(bank: EventBank, kind: str, pair: Pair, rng: np.random.Generator) -> Question:
    twins = order_twins(bank, pair, rng)
    way, other_way = rng.choice(len(THEN_FORWARD), size=2, replace=False)  # way i is the same words forward as backward
    directions = kind.split("-")
    captions, paraphrases = [], []
    for claim, direction in zip(twins.claims, directions, strict=True):
        (other_direction,) = set(WAYS) - {direction}
        captions.append(WAYS[direction][way].format(a=claim.first, b=claim.second))
        paraphrases.append(WAYS[other_direction][other_way].format(a=claim.first, b=claim.second))
    return Question(
        twins.waveforms,
        (captions[0], captions[1]),
        (paraphrases[0], paraphrases[1]),
        [scene.events for scene in twins.scenes],
        [(placement.label, placement.snippet) for placement in twins.scenes[0].placements],
    )


TASK = ComposedPairs(
    name="scenes-mention-time",
    version=1,
    measures="Tells what sounds first whatever is mentioned first, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    series=lambda bank: Series(KINDS, held_out_pairs(bank.labels), _ask),
)
