"""What a user decides about composed scenes."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass

from compa.manifest import NEGATIVE_KINDS
from compa.scenes.claims.scale import SCALES

MAX_EVENTS = 6


@dataclass(frozen=True)
class Settings:
    """How scenes shall be.

    Attributes:
        seconds: Length of every scene.
        max_events: How many events a scene has at most, from 1 to 6.
        max_depth: How many relations stand inside each other at most.
        attributes: The scales that scenes vary, of loudness, pitch, rate, duration and distance.
        kinds: The kinds of negatives and twins.
        negatives: False captions of a clip, at most; there is one at least.
        positives: Further true texts of a clip, at most; there is one at least.
        twins: Whether every clip comes with its minimal edit.
        background: How many dB below the events a noise is, from the one to the other number; None is silence.
    """

    seconds: float = 10.0
    max_events: int = MAX_EVENTS
    max_depth: int = MAX_EVENTS - 1
    attributes: tuple[str, ...] = tuple(SCALES)
    kinds: tuple[str, ...] = NEGATIVE_KINDS
    negatives: int = 3
    positives: int = 3
    twins: bool = True
    background: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and 2.0 <= self.seconds <= 60.0):
            raise ValueError(f"scenes of {self.seconds:g} s cannot be made: take 2 to 60 s")
        for name, low, high in (("max_events", 1, MAX_EVENTS), ("max_depth", 1, 9), ("negatives", 1, 99)):
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} goes from {low} to {high}, not {getattr(self, name)}")
        if not 1 <= self.positives <= 99:
            raise ValueError(f"positives goes from 1 to 99, not {self.positives}")
        for word, names, legal in (("attribute", self.attributes, tuple(SCALES)), ("kind", self.kinds, NEGATIVE_KINDS)):
            if unknown := [name for name in names if name not in legal]:
                near = difflib.get_close_matches(unknown[0], legal, n=1)
                meant = f"; did you mean {near[0]!r}?" if near else ""
                raise ValueError(f"{word} {unknown[0]!r} is none of {', '.join(legal)}{meant}")
        if not self.kinds:
            raise ValueError("no kind of negatives is left: name one or more")
        if self.background and not 0.0 <= self.background[0] <= self.background[1]:
            raise ValueError(
                f"a background lies 0 dB or more below the events, from low to high, not {self.background}"
            )
