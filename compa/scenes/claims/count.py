"""How often a label occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.claim import EventPattern, Match, OfLabel, matches_of, quoted
from compa.scenes.truth import Truth


@dataclass(frozen=True)
class Count(EventPattern):
    """The label occurs exactly `number` times in the clip; `number` is at least 1."""

    label: str
    number: int

    def __post_init__(self) -> None:
        if self.number < 1:
            raise ValueError(f"the number of a Count must be at least 1; got {self.number}; use Absent for 0")

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """All events of the label together, if their number is right."""
        found = matches_of(self.label, events)
        if len(found) != self.number:
            return []
        members = tuple(match.members[0] for match in found)
        return [Match(members, tuple(match.spans[0] for match in found), Truth.TRUE)]

    def labels(self) -> frozenset[str]:
        """The one label."""
        return frozenset({self.label})

    def __str__(self) -> str:
        return f"Count({quoted(self.label)}, {self.number})"


class Absent(OfLabel):
    """The label does not occur in the clip."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """True iff no event has the label."""
        return Truth.TRUE if all(event.label != self.label for event in events) else Truth.FALSE

    def labels(self) -> frozenset[str]:
        """No label must occur."""
        return frozenset()
