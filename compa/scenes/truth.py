"""Three-valued truth, how verdicts combine, and the margins of relations between sounds.

The margins of attributes stand with them, in `compa.scenes.attributes`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable

CROSS_FADE_SECONDS = 0.05
"""`Then` allows this much overlap: a cross-fade does not make two sounds simultaneous."""
MIN_OVERLAP_FRACTION = 0.5
"""`While` needs this fraction of the shorter event to be overlapped."""
MIN_LEVEL_DIFFERENCE_DB = 3.0
"""`Louder` needs this difference in level; loud and quiet sounds differ by twice as much."""
ROUNDING = 1e-6
"""Times are written in microseconds."""


class Truth(enum.Enum):
    """The verdict on a claim: only TRUE makes positives, only FALSE makes negatives."""

    TRUE = "true"
    FALSE = "false"
    UNCLEAR = "unclear"


def every(verdicts: Iterable[Truth]) -> Truth:
    """False if one is false, else unclear if one is unclear, else true (Kleene's conjunction)."""
    found = set(verdicts)
    return next((truth for truth in (Truth.FALSE, Truth.UNCLEAR) if truth in found), Truth.TRUE)


def some(verdicts: Iterable[Truth]) -> Truth:
    """True if one is true, else unclear if one is unclear, else false (Kleene's disjunction)."""
    found = set(verdicts)
    return next((truth for truth in (Truth.TRUE, Truth.UNCLEAR) if truth in found), Truth.FALSE)
