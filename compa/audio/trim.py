"""Fades a sound in and out and cuts off what is inaudible at its ends."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.float32]

FADE_SECONDS = 0.02
"""Every sound is faded over this time at both ends, so that fades do not tell where sounds were joined."""
FRAME_SECONDS = 0.01
AUDIBLE_RANGE_DB = 40.0
"""A sound starts and ends with a frame that is less than this below its loudest frame."""
MIN_SECONDS = 0.25
"""What is shorter after trimming is too short to be used."""
MAX_CUTS = 5


def fade_and_trim(waveform: Wave, sample_rate: int) -> Wave | None:
    """Fades both ends of a waveform of shape (samples,) and trims it to what is audible after the fades.

    Returns:
        A waveform of whole frames of 10 ms; None where less than 0.25 s is left.
    """
    frame, ramp = frame_samples(sample_rate), fade_in(sample_rate)
    for _ in range(MAX_CUTS):
        waveform = waveform[: len(waveform) // frame * frame]
        if len(waveform) < MIN_SECONDS * sample_rate:
            return None
        faded = waveform.copy()
        faded[: len(ramp)] *= ramp
        faded[len(faded) - len(ramp) :] *= ramp[::-1]
        energy = frame_energy(faded, sample_rate)
        audible = np.flatnonzero(energy > energy.max() * 10 ** (-AUDIBLE_RANGE_DB / 10))
        if not len(audible):
            return None
        first, end = int(audible[0]), int(audible[-1]) + 1
        if first <= 1 and end >= len(energy) - 1:
            return faded
        waveform = waveform[first * frame : end * frame]  # a click at the edge was faded away: begin after it
    return None


def frame_samples(sample_rate: int) -> int:
    """The samples of a frame of 10 ms."""
    return max(1, round(FRAME_SECONDS * sample_rate))


def frame_energy(waveform: Wave, sample_rate: int) -> NDArray[np.float32]:
    """The energy of each whole frame, shape (frames,)."""
    frame = frame_samples(sample_rate)
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
    return np.asarray(np.einsum("fi,fi->f", frames, frames), dtype=np.float32)


def fade_in(sample_rate: int) -> Wave:
    """A quarter sine: where two sounds cross-fade, their summed power stays level."""
    return np.sin(np.linspace(0, np.pi / 2, round(FADE_SECONDS * sample_rate), dtype=np.float32))
