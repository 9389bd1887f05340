"""The user's choices for composed scenes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from compa.manifest import NEGATIVE_KINDS
from compa.scenes.attributes import default_attributes, variable_attributes
from compa.utils.text import did_you_mean

MAX_EVENTS = 6


@dataclass(frozen=True)
class Settings:
    """Which scenes are composed.

    Attributes:
        seconds: Length of every scene.
        max_events: The most events of a scene, from 1 to 6.
        max_depth: The most relations that are nested.
        attributes: What sounds differ in: names of `compa.scenes.attributes`.
        kinds: The kinds of negatives and twins.
        negatives: The most false captions of a clip; there is at least one.
        positives: The most further true texts of a clip; there is at least one.
        twins: Whether every clip comes with its minimal edit.
        background: How many dB a noise is below the events, from the first to the second number; None is silence.
    """

    seconds: float = 10.0
    max_events: int = MAX_EVENTS
    max_depth: int = MAX_EVENTS - 1
    attributes: tuple[str, ...] = field(default_factory=default_attributes)
    kinds: tuple[str, ...] = NEGATIVE_KINDS
    negatives: int = 3
    positives: int = 3
    twins: bool = True
    background: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and 2.0 <= self.seconds <= 60.0):
            raise ValueError(f"seconds must be from 2 to 60; got {self.seconds:g}")
        limits = {"max_events": (1, MAX_EVENTS), "max_depth": (1, 9), "negatives": (1, 99), "positives": (1, 99)}
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} must be from {low} to {high}; got {getattr(self, name)}")
        for name, legal in (("attributes", variable_attributes()), ("kinds", NEGATIVE_KINDS)):
            for given in getattr(self, name):
                if given not in legal:
                    nearest = did_you_mean(given, legal)
                    raise ValueError(f"{name} must be some of {', '.join(legal)}; got {given!r}{nearest}")
        if not self.kinds:
            raise ValueError(f"kinds must be at least one of {', '.join(NEGATIVE_KINDS)}; got none")
        if self.background and not 0.0 <= self.background[0] <= self.background[1]:
            raise ValueError(f"background must be two numbers of dB from 0 on, low and high; got {self.background}")
