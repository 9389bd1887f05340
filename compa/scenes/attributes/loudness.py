"""Loudness: how loud a sound is among those of its clip, in dB."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from compa.manifest import Event
from compa.scenes.attributes.attribute import Scale
from compa.scenes.truth import MIN_LEVEL_DIFFERENCE_DB, ROUNDING


class Loudness(Scale):
    """The level of a sound above the middle between the loudest and the quietest sound of its clip."""

    name = "loudness"
    templates: ClassVar = {
        "quiet": ("quiet {x}", "soft {x}", "faint {x}", "{x} at low volume", "{x} in the background"),
        "loud": ("loud {x}", "strong {x}", "powerful {x}", "{x} at high volume", "{x} in the foreground"),
    }
    rendered_by = "timeline"
    is_relative = True
    low_until, high_from = -MIN_LEVEL_DIFFERENCE_DB, MIN_LEVEL_DIFFERENCE_DB
    low_range, high_range = (-6.5, -4.0), (4.0, 6.5)

    def measure(self, event: Event, events: Sequence[Event]) -> float | None:
        """The level in dB; None where a level is unknown or all sounds are about as loud as each other."""
        levels = [other.level_db for other in events if other.level_db is not None]
        if event.level_db is None or len(levels) < len(events):
            return None
        if max(levels) - min(levels) < 2 * MIN_LEVEL_DIFFERENCE_DB - ROUNDING:
            return None
        return event.level_db - (max(levels) + min(levels)) / 2

    def level_db(self, value: float) -> float:
        """The value is the level."""
        return value


ATTRIBUTE = Loudness()
