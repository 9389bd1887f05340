"""True, false and unclear, how they combine, and all the margins between them."""

from __future__ import annotations

import enum
from collections.abc import Iterable

CROSS_FADE_SECONDS = 0.05
"""`Then` allows this much overlap: a cross-fade is no simultaneity."""
MIN_OVERLAP_SHARE = 0.5
"""`While` asks for this share of the shorter event to be overlapped."""
MIN_LEVEL_DIFFERENCE_DB = 3.0
"""`Louder` asks for this difference in level; loud and quiet sounds differ by twice as much."""
MIN_PITCH_SEMITONES = 3.0
"""A high sound was moved up by so much at least, a low one down."""
MIN_RATE = 1.25
"""A fast sound is played at least so many times as fast as recorded, a slow one so many times as slowly."""
SHORT_SECONDS, LONG_SECONDS = 0.8, 1.6
"""A short sound lasts so long at most, a long one at least."""
NEAR_METRES, FAR_METRES = 2.0, 10.0
"""A near sound is not further away, a far one not nearer."""
ROUNDING = 1e-6
"""Times are written in microseconds."""


class Truth(enum.Enum):
    """What can be said of a claim: only TRUE makes positives, only FALSE makes negatives."""

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
