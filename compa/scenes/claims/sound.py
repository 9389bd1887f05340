"""A sound that is described by attributes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.attributes import judge_attribute, words_of
from compa.scenes.claims.claim import EventPattern, Match, quoted
from compa.scenes.truth import Truth, every


@dataclass(frozen=True, init=False)
class Sound(EventPattern):
    """Some event of the label has all of the attributes: `Sound("dog bark", loudness="loud", distance="far")`.

    Attributes:
        label: None where only the attributes matter, as in `Sound(speaker="george")`.
        attributes: Pairs of a name and a word, sorted.
    """

    label: str | None
    attributes: tuple[tuple[str, str], ...]

    def __init__(self, label: str | None = None, **attributes: str) -> None:
        if not attributes:
            raise ValueError("a Sound needs at least one attribute; use the label itself, or Has(label)")
        for name, word in attributes.items():
            if (words := words_of(name)) and word not in words:
                raise ValueError(f"{name} must be one of {', '.join(words)}; got {word!r}")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "attributes", tuple(sorted(attributes.items())))

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """Every event of the label that has, or may have, the attributes."""
        judged = (
            (index, event, every(judge_attribute(name, word, event, events) for name, word in self.attributes))
            for index, event in enumerate(events)
            if self.label in (None, event.label)
        )
        return [
            Match((index,), ((event.onset, event.offset),), truth)
            for index, event, truth in judged
            if truth is not Truth.FALSE
        ]

    def labels(self) -> frozenset[str]:
        """The label, if there is one."""
        return frozenset() if self.label is None else frozenset({self.label})

    def __str__(self) -> str:
        label = [] if self.label is None else [quoted(self.label)]
        return f"Sound({', '.join(label + [f'{name}={quoted(word)}' for name, word in self.attributes])})"
