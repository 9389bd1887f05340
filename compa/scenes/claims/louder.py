"""The claim that one sound is louder than another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.claim import Part
from compa.scenes.claims.relation import Relation
from compa.scenes.truth import MIN_LEVEL_DIFFERENCE_DB, ROUNDING, Truth


@dataclass(frozen=True, init=False)
class Louder(Relation):
    """Every event of the first label is clearly louder than every event of the second."""

    __str__ = Relation.__str__

    def __init__(self, *parts: Part) -> None:
        super().__init__(*parts)
        self._pair()

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if the first is louder by the margin in every pair, false if the second is in every pair."""
        verdicts = {
            _compare(first, second)
            for first in events
            if first.label == self.first
            for second in events
            if second.label == self.second and second is not first
        }
        if not verdicts:
            return Truth.FALSE
        return verdicts.pop() if len(verdicts) == 1 else Truth.UNCLEAR


def _compare(first: Event, second: Event) -> Truth:
    if first.level_db is None or second.level_db is None:
        return Truth.UNCLEAR
    difference = first.level_db - second.level_db
    if abs(difference) < MIN_LEVEL_DIFFERENCE_DB - ROUNDING:
        return Truth.UNCLEAR
    return Truth.TRUE if difference > 0 else Truth.FALSE
