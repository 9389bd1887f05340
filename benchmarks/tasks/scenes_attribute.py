"""scenes-attribute: who is louder."""

from __future__ import annotations

from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, ScenePairs
from compa.scenes.twins import attribute_twins

TASK = ScenePairs(
    name="scenes-attribute",
    version=1,
    measures="Tells loud A with quiet B from loud B with quiet A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    make=attribute_twins,
)
