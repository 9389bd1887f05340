"""Levels of short sounds: loudness as ITU-R BS.1770 weights it, and plain RMS."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_HEAD = ((1.53512485958697, -2.69169619638940, 1.19839281085285), (1.0, -1.69065929318241, 0.73248077421585))
_HIGH_PASS = ((1.0, -2.0, 1.0), (1.0, -1.99004745483398, 0.99007225036621))
_RATE = 48000
"""BS.1770 gives its two filters (numerator, denominator) for this rate; their response is used at every rate."""
_OFFSET_DB = -0.691


def loudness(waveform: NDArray[np.float32], sample_rate: int) -> float:
    """The loudness in LUFS of a mono waveform of shape (samples,), without gating; silence gives -200.

    A sine of 997 Hz at full scale has -3.01 LUFS.
    """
    size = 1 << max(len(waveform) - 1, 1).bit_length()
    spectrum = np.fft.rfft(waveform, size)
    power = spectrum.real**2 + spectrum.imag**2
    mean_square = 2.0 * float(power @ _weights(size, sample_rate)) / size / max(len(waveform), 1)
    return _OFFSET_DB + 10 * float(np.log10(max(mean_square, 10**-19.93)))


def rms_level(waveform: NDArray[np.float32], _sample_rate: int) -> float:
    """The root mean square in dBFS of a mono waveform of shape (samples,), whatever its rate; silence gives -200.

    A sine at full scale has -3.01 dBFS.
    """
    energy = float(np.dot(waveform, waveform)) / max(len(waveform), 1)
    return 10 * float(np.log10(max(energy, 1e-20)))


@lru_cache(maxsize=64)
def _weights(size: int, sample_rate: int) -> NDArray[np.float32]:
    """The power response of both filters at the frequencies of a real FFT, with the outer bins counted half."""
    hz = np.minimum(np.fft.rfftfreq(size, 1 / sample_rate), _RATE / 2)
    delay = np.exp(-2j * np.pi * hz / _RATE)
    response = np.ones_like(delay)
    for numerator, denominator in (_HEAD, _HIGH_PASS):
        response *= np.polyval(numerator[::-1], delay) / np.polyval(denominator[::-1], delay)
    weights = np.abs(response) ** 2
    weights[[0, -1]] /= 2
    return np.asarray(weights, dtype=np.float32)
