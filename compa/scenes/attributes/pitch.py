"""Pitch: how far a sound is moved up or down from its recording, in semitones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from compa.scenes.attributes.attribute import Scale

if TYPE_CHECKING:
    from compa.audio.effects import Wave

MIN_SEMITONES = 3.0
MIN_AUDIBLE_FRACTION = 0.9
"""A sound is high or low only if this fraction of its power is moved to audible frequencies."""
LOWEST_HZ = 60.0
HIGHEST_FRACTION = 0.45
"""The highest audible frequency as a fraction of the sample rate."""


class Pitch(Scale):
    """Semitones against the recording."""

    name = "pitch"
    templates: ClassVar = {
        "low": ("low-pitched {x}", "deep {x}", "{x} at a low pitch", "{x} in a low register"),
        "high": ("high-pitched {x}", "high {x}", "{x} at a high pitch", "{x} in a high register"),
    }
    rendered_by = "effect"
    low_until, high_from = -MIN_SEMITONES, MIN_SEMITONES
    low_range, high_range = (-7.0, -4.5), (4.5, 7.0)

    def is_audible(self, waveform: Wave, value: float, all_values: Sequence[float], sample_rate: int) -> bool:
        """Whether nearly all of a sound is audible when it is moved."""
        import numpy as np

        if value == 0:
            return True
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hz = np.fft.rfftfreq(len(waveform), 1 / sample_rate) * 2 ** (value / 12)
        audible = (hz > LOWEST_HZ) & (hz < HIGHEST_FRACTION * sample_rate)
        return float(power[audible].sum()) >= MIN_AUDIBLE_FRACTION * float(power.sum())

    def apply(self, waveform: Wave, value: float, sample_rate: int) -> Wave:
        """Moves all frequencies; length and tempo stay."""
        from compa.audio.effects import at_pitch

        return at_pitch(waveform, value, sample_rate) if value else waveform


ATTRIBUTE = Pitch()
