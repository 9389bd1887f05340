"""scenes-attribute: which sound is louder.

Both scenes have the same two sounds; see `compa.scenes.composition.two_sounds`. Held out: the recordings, and the pair
of labels, which no training scene combines.
"""

from __future__ import annotations

from benchmarks.tasks.composed import ComposedPairs, two_sounds
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS

TASK = ComposedPairs(
    name="scenes-attribute",
    version=2,
    measures="Tells loud A with quiet B from loud B with quiet A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    source=two_sounds("attribute-swap"),
)
