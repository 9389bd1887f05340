"""scenes-order: who sounds first."""

from __future__ import annotations

from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, ScenePairs
from compa.scenes.twins import order_twins

TASK = ScenePairs(
    name="scenes-order",
    version=1,
    measures="Tells A then B from B then A, for unseen sounds in unseen combinations",
    needs=NEEDS,
    expected=NUM_ITEMS,
    make=order_twins,
)
