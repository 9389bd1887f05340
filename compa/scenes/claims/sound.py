"""A sound that is described more closely than by its label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.claim import Figure, Match, quoted
from compa.scenes.claims.scale import SCALES, judge_trait
from compa.scenes.claims.truth import Truth, every


@dataclass(frozen=True, init=False)
class Sound(Figure):
    """Some event of the label has all the traits: `Sound("dog bark", loudness="loud", distance="far")`.

    Attributes:
        label: What sounds; None where only the traits matter, as in `Sound(speaker="george")`.
        traits: Pairs of a name and a word, sorted; the names of scales have two legal words.
    """

    label: str | None
    traits: tuple[tuple[str, str], ...]

    def __init__(self, label: str | None = None, **traits: str) -> None:
        if not traits:
            raise ValueError("a Sound without traits is just its label: give that, or Has(label)")
        for name, word in traits.items():
            if name in SCALES and word not in (SCALES[name].low, SCALES[name].high):
                raise ValueError(f"{name} is {SCALES[name].low!r} or {SCALES[name].high!r}, not {word!r}")
        object.__setattr__(self, "label", label)
        object.__setattr__(self, "traits", tuple(sorted(traits.items())))

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """Every event of the label that has, or may have, the traits."""
        judged = (
            (index, event, every(judge_trait(name, word, event, events) for name, word in self.traits))
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
        return f"Sound({', '.join(label + [f'{name}={quoted(word)}' for name, word in self.traits])})"
