"""Rate: how many times as fast as its recording a sound is played."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from compa.scenes.attributes.attribute import Scale

if TYPE_CHECKING:
    from compa.audio.effects import Wave

MIN_FACTOR = 1.25
MIN_RHYTHM_DB = 4.0
"""A sound is fast or slow only if its level varies by this much (standard deviation): steady rain has no tempo."""
RHYTHM_SECONDS = 0.1
"""What varies faster than this is heard as pitch or roughness."""


class Rate(Scale):
    """Tempo against the recording, as a factor; the pitch stays."""

    name = "rate"
    templates: ClassVar = {
        "slow": ("slow {x}", "slowed-down {x}", "unhurried {x}", "{x} at low speed"),
        "fast": ("fast {x}", "rapid {x}", "hurried {x}", "{x} at high speed"),
    }
    rendered_by = "effect"
    low_until, high_from = 1 / MIN_FACTOR, MIN_FACTOR
    low_range, high_range = (0.6, 0.7), (1.45, 1.65)
    max_source_factor = high_range[1]

    def source_factor(self, value: float) -> float:
        """A fast sound takes more of its recording, so that it lasts as long as a slow one."""
        return value

    def is_audible(self, waveform: Wave, value: float, all_values: Sequence[float], sample_rate: int) -> bool:
        """Whether the sound has a rhythm."""
        import numpy as np

        from compa.audio.trim import AUDIBLE_RANGE_DB, FRAME_SECONDS, frame_energy

        if value == 1:
            return True
        energy = frame_energy(waveform, sample_rate)
        num_frames = round(RHYTHM_SECONDS / FRAME_SECONDS)
        if len(energy) < 3 * num_frames:
            return False
        smooth = np.convolve(energy, np.ones(num_frames) / num_frames, mode="valid")
        levels = 10 * np.log10(smooth + smooth.max() * 10 ** (-AUDIBLE_RANGE_DB / 10))
        return float(np.std(levels)) >= MIN_RHYTHM_DB

    def apply(self, waveform: Wave, value: float, sample_rate: int) -> Wave:
        """Changes the tempo."""
        from compa.audio.effects import at_rate

        return waveform if value == 1 else at_rate(waveform, value, sample_rate)


ATTRIBUTE = Rate()
