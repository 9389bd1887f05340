"""Which of two sounds is louder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.claim import Part
from compa.scenes.claims.relation import Relation
from compa.scenes.claims.truth import MIN_LEVEL_DIFFERENCE_DB, ROUNDING, Truth


@dataclass(frozen=True, init=False)
class Louder(Relation):
    """The first label is clearly louder than the second, whenever they sound."""

    __str__ = Relation.__str__

    def __init__(self, *parts: Part) -> None:
        super().__init__(*parts)
        self._pair()

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if every pair differs by the margin that way, false if every pair does the other way."""
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
