"""The base classes of claims, and the simplest claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compa.manifest import Event
from compa.scenes.truth import Truth, some


class Claim:
    """A statement about which events sound when, and how."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """Decides whether this claim is true of a timeline, by interval arithmetic."""
        raise NotImplementedError

    def labels(self) -> frozenset[str]:
        """The labels that must occur for this claim to be true."""
        raise NotImplementedError


@dataclass(frozen=True)
class Match:
    """Events that match a pattern, or may match it.

    Attributes:
        members: Indices of the events in the timeline.
        spans: Onset and offset of each event.
        truth: TRUE or UNCLEAR.
    """

    members: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    truth: Truth

    @property
    def span(self) -> tuple[float, float]:
        """From the first onset to the last offset."""
        return min(onset for onset, _ in self.spans), max(offset for _, offset in self.spans)


class EventPattern(Claim):
    """A claim that certain events occur; it can be a part of a larger pattern."""

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """All choices of events that match this pattern or may match it."""
        raise NotImplementedError

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if some choice of events matches, false if every choice clearly does not."""
        return some(match.truth for match in self.matches(events))


Part: TypeAlias = str | EventPattern
"""A part of a pattern: a label stands for any event of that label."""


@dataclass(frozen=True)
class OfLabel(Claim):
    """A claim about one label."""

    label: str

    def __str__(self) -> str:
        return f"{type(self).__name__}({quoted(self.label)})"


class Has(OfLabel):
    """The label occurs somewhere in the clip."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """True iff an event has the label."""
        return Truth.TRUE if any(event.label == self.label for event in events) else Truth.FALSE

    def labels(self) -> frozenset[str]:
        """The one label."""
        return frozenset({self.label})


def matches_of(part: Part, events: Sequence[Event]) -> list[Match]:
    """The matches of a part."""
    if isinstance(part, EventPattern):
        return part.matches(events)
    return [
        Match((index,), ((event.onset, event.offset),), Truth.TRUE)
        for index, event in enumerate(events)
        if event.label == part
    ]


def labels_of(part: Part) -> frozenset[str]:
    """The labels that must occur for a part to match."""
    return part.labels() if isinstance(part, EventPattern) else frozenset({part})


def text_of(part: Part) -> str:
    """A part in canonical text form."""
    return str(part) if isinstance(part, EventPattern) else quoted(part)


def quoted(text: str) -> str:
    """A text in double quotes, as JSON and Python write it."""
    return json.dumps(text, ensure_ascii=False)
