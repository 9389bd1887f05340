"""scenes-mention-time: the sound that is mentioned first need not be the one that is first.

Both scenes have a and b, in either order, as in `scenes-order`. A caption mentions first what is first ("a, then b":
forward) or what is last ("b after a": backward). Kinds are the directions of the captions of the first and the second
scene, so each label that is mentioned first is first in one half of the items and last in the other:

    forward-forward    "a, then b"   against  "b, then a"
    backward-backward  "b after a"   against  "a after b"
    forward-backward   "a, then b"   against  "a after b"
    backward-forward   "b after a"   against  "b, then a"

A model that takes the order of mention for that of time wins the first kind alone: 0.25 of the items, exactly, and 0
of the paraphrases, which have the other direction.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, ItemSource, SceneItem
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import render_caption
from compa.scenes.composition.two_sounds import TwoSounds, full_twins
from compa.scenes.holdout import held_out_pairs

DIRECTIONS = tuple("-".join(directions) for directions in product(("forward", "backward"), repeat=2))


def _draw(bank: EventBank, kind: str | None, pair: Pair, rng: np.random.Generator) -> SceneItem | None:
    twins = full_twins(TwoSounds("order", bank, [pair]), pair, rng)
    if twins is None:
        return None
    are_forward = [direction == "forward" for direction in (kind or "").split("-")]
    seeds = rng.integers(2**62, size=2).tolist()  # both captions with the same draws, and both paraphrases
    captions, paraphrases = (
        [
            render_caption(claim, np.random.default_rng(seed), in_time_order=is_forward != is_paraphrase)
            for claim, is_forward in zip(twins.claims, are_forward, strict=True)
        ]
        for seed, is_paraphrase in zip(seeds, (False, True), strict=True)
    )
    return SceneItem(twins, (captions[0], captions[1]), tuple(paraphrases))


TASK = ComposedPairs(
    name="scenes-mention-time",
    version=2,
    measures="Tells which sound is first whichever is mentioned first, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=lambda bank: ItemSource(DIRECTIONS, held_out_pairs(bank.labels), _draw),
)
