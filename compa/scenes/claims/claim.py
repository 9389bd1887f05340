"""What a claim is, what a figure of events is, and the simplest claim."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from compa.manifest import Event
from compa.scenes.claims.truth import Truth, some


class Claim:
    """A statement about which events sound when, and how."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """Decides this claim of a timeline by interval arithmetic."""
        raise TypeError(f"{type(self).__name__} is no claim of its own")

    def labels(self) -> frozenset[str]:
        """The labels that have to sound for this claim to be true."""
        raise TypeError(f"{type(self).__name__} is no claim of its own")


@dataclass(frozen=True)
class Match:
    """Events that are, or may be, what a figure describes.

    Attributes:
        members: Their indices in the timeline.
        spans: Onset and offset of each.
        truth: TRUE or UNCLEAR.
    """

    members: tuple[int, ...]
    spans: tuple[tuple[float, float], ...]
    truth: Truth

    @property
    def span(self) -> tuple[float, float]:
        """From the first onset to the last offset."""
        return min(onset for onset, _ in self.spans), max(offset for _, offset in self.spans)


class Figure(Claim):
    """A claim that some events are there, which thus can be a part of a larger figure."""

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """All choices of events that this figure describes, but for those that it clearly does not."""
        raise TypeError(f"{type(self).__name__} is no figure of its own")

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if some events are what is described, false if all clearly are not."""
        return some(match.truth for match in self.matches(events))


Part: TypeAlias = str | Figure
"""A part of a figure: a label stands for any event of that label."""


@dataclass(frozen=True)
class OfLabel(Claim):
    """A claim about one label."""

    label: str

    def __str__(self) -> str:
        return f"{type(self).__name__}({quoted(self.label)})"


class Has(OfLabel):
    """The label sounds somewhere in the clip."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """True iff an event has the label."""
        return Truth.TRUE if any(event.label == self.label for event in events) else Truth.FALSE

    def labels(self) -> frozenset[str]:
        """The one label."""
        return frozenset({self.label})


def matches_of(part: Part, events: Sequence[Event]) -> list[Match]:
    """The matches of a part."""
    if isinstance(part, Figure):
        return part.matches(events)
    return [
        Match((index,), ((event.onset, event.offset),), Truth.TRUE)
        for index, event in enumerate(events)
        if event.label == part
    ]


def labels_of(part: Part) -> frozenset[str]:
    """The labels that have to sound for a part."""
    return part.labels() if isinstance(part, Figure) else frozenset({part})


def text_of(part: Part) -> str:
    """A part in canonical text form."""
    return str(part) if isinstance(part, Figure) else quoted(part)


def quoted(text: str) -> str:
    """A text in double quotes, as JSON and Python have it."""
    return json.dumps(text, ensure_ascii=False)
