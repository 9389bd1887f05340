"""Duration: how long a sound lasts, in seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from compa.manifest import Event
from compa.scenes.attributes.attribute import Scale


class Duration(Scale):
    """Seconds from onset to offset."""

    name = "duration"
    templates: ClassVar = {
        "short": ("short {x}", "brief {x}", "{x} for a moment", "{x} for a short time"),
        "long": ("long {x}", "prolonged {x}", "{x} for a while", "{x} for a long time"),
    }
    rendered_by = "timeline"
    low_until, high_from = 0.8, 1.6
    low_range, high_range = (0.45, 0.65), (1.9, 2.5)

    def measure(self, event: Event, events: Sequence[Event]) -> float:
        """The event's duration."""
        return event.offset - event.onset

    def seconds(self, value: float) -> float:
        """The value is the duration."""
        return value


ATTRIBUTE = Duration()
