"""Scales of how something sounds: a low end and a high one with a word each, and unclear ground between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.truth import (
    FAR_METRES,
    LONG_SECONDS,
    MIN_LEVEL_DIFFERENCE_DB,
    MIN_PITCH_SEMITONES,
    MIN_RATE,
    NEAR_METRES,
    ROUNDING,
    SHORT_SECONDS,
    Truth,
)


@dataclass(frozen=True)
class Scale:
    """How one attribute of an event is measured and named.

    Attributes:
        low: The word for values up to `low_until`.
        high: The word for values from `high_from`.
        low_until: The end of what is low.
        high_from: The start of what is high.
        measure: The value of an event among all events of its clip; None where it is not known.
    """

    low: str
    high: str
    low_until: float
    high_from: float
    measure: Callable[[Event, Sequence[Event]], float | None]

    def opposite(self, word: str) -> str:
        """The word for the other end."""
        return self.low if word == self.high else self.high

    def judge(self, word: str, event: Event, events: Sequence[Event]) -> Truth:
        """Whether an event is what the word says."""
        value = self.measure(event, events)
        if value is None or self.low_until + ROUNDING < value < self.high_from - ROUNDING:
            return Truth.UNCLEAR
        return Truth.TRUE if (value > self.low_until + ROUNDING) == (word == self.high) else Truth.FALSE


def _level_in_clip(event: Event, events: Sequence[Event]) -> float | None:
    """Level above the middle between the clip's loudest and quietest event; nothing is loud where all are alike."""
    levels = [other.level_db for other in events if other.level_db is not None]
    if event.level_db is None or len(levels) < len(events):
        return None
    if max(levels) - min(levels) < 2 * MIN_LEVEL_DIFFERENCE_DB - ROUNDING:
        return None
    return event.level_db - (max(levels) + min(levels)) / 2


def _seconds(event: Event, _: Sequence[Event]) -> float:
    return event.offset - event.onset


def _number(name: str) -> Callable[[Event, Sequence[Event]], float | None]:
    def measure(event: Event, _: Sequence[Event]) -> float | None:
        value = event.attributes.get(name)
        return float(value) if isinstance(value, int | float) else None

    return measure


SCALES: dict[str, Scale] = {
    "loudness": Scale("quiet", "loud", -MIN_LEVEL_DIFFERENCE_DB, MIN_LEVEL_DIFFERENCE_DB, _level_in_clip),
    "pitch": Scale("low", "high", -MIN_PITCH_SEMITONES, MIN_PITCH_SEMITONES, _number("pitch")),
    "rate": Scale("slow", "fast", 1 / MIN_RATE, MIN_RATE, _number("rate")),
    "duration": Scale("short", "long", SHORT_SECONDS, LONG_SECONDS, _seconds),
    "distance": Scale("near", "far", NEAR_METRES, FAR_METRES, _number("distance")),
}
"""All scales. Pitch is in semitones and rate a factor, both against the recording; distance is in metres."""


def judge_trait(name: str, word: str, event: Event, events: Sequence[Event]) -> Truth:
    """Whether an event has a trait: a word of a scale, or else the value of an attribute such as `speaker`."""
    if name in SCALES:
        return SCALES[name].judge(word, event, events)
    value = event.attributes.get(name)
    return Truth.UNCLEAR if value is None else Truth.TRUE if value == word else Truth.FALSE
