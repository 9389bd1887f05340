"""Distance: how far away a sound is, in metres."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from compa.scenes.attributes.attribute import Scale

if TYPE_CHECKING:
    from compa.audio.effects import Wave

FAR_LEVEL_DB = -6.0
"""The level of a far sound against a near one."""
MIN_ABSORBED_OCTAVES = 0.1
"""A sound is near or far only if from afar the center of its spectrum is this much lower: air absorbs little of a deep
sound, and reverberation adds as much."""
LOWEST_HZ = 60.0


class Distance(Scale):
    """Metres to the listener: from afar, a sound is duller, more reverberant and quieter."""

    name = "distance"
    templates: ClassVar = {
        "near": ("nearby {x}", "close {x}", "{x} from close by", "{x} right here"),
        "far": ("distant {x}", "far-away {x}", "{x} from afar", "{x} in the distance"),
    }
    rendered_by = "effect"
    stage = 1
    incompatible = frozenset({"pitch"})  # moved down, a sound loses less to air, and may then sound higher than before
    low_until, high_from = 2.0, 10.0
    low_range, high_range = (1.0, 1.0), (12.0, 20.0)

    def level_db(self, value: float) -> float:
        """A far sound is quieter."""
        return FAR_LEVEL_DB if value >= self.high_from else 0.0

    def is_audible(self, waveform: Wave, value: float, all_values: Sequence[float], sample_rate: int) -> bool:
        """Whether the sound is duller from afar, after its fades: a click at its edge may be all that is bright."""
        from compa.audio.trim import fade_and_trim

        near = fade_and_trim(waveform, sample_rate)
        far = fade_and_trim(self.apply(waveform, max(all_values), sample_rate), sample_rate)
        if near is None or far is None:
            return False
        return _spectral_center(near, sample_rate) - _spectral_center(far, sample_rate) >= MIN_ABSORBED_OCTAVES

    def apply(self, waveform: Wave, value: float, sample_rate: int) -> Wave:
        """Adds air and room; the length stays."""
        from compa.audio.effects import at_distance

        return at_distance(waveform, value, sample_rate)


def _spectral_center(waveform: Wave, sample_rate: int) -> float:
    """The mean audible frequency in octaves, weighted by amplitude."""
    import numpy as np

    hz = np.fft.rfftfreq(len(waveform), 1 / sample_rate)
    amplitudes = np.abs(np.fft.rfft(waveform)) + 1e-12
    return float(np.average(np.log2(hz[hz > LOWEST_HZ]), weights=amplitudes[hz > LOWEST_HZ]))


ATTRIBUTE = Distance()
