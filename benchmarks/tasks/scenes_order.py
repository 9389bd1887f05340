"""scenes-order: which sound is first.

Both scenes have the same two sounds; see `compa.scenes.composition.two_sounds`. Held out: the recordings, and the pair
of labels, which no training scene combines.
"""

from __future__ import annotations

from benchmarks.tasks.composed import ComposedPairs, two_sounds
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS

TASK = ComposedPairs(
    name="scenes-order",
    version=2,
    measures="Tells A then B from B then A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=two_sounds("order"),
)
