"""Changes the tempo, pitch or distance of a sound; the same input gives the same output."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import soxr
from numpy.typing import NDArray

Wave = NDArray[np.float32]

FRAME_SECONDS = 0.04
"""Tempo is changed by overlapping frames of this length, taken from other places of the waveform ..."""
SEARCH_SECONDS = 0.012
"""... each moved by up to this much, to where it best continues the frame before."""
_STRIDE = 4  # of the samples that are compared
CLEAR_METRES = 1.5
"""Up to this distance nothing changes."""
TAIL_SECONDS = 0.5


def at_rate(waveform: Wave, rate: float, sample_rate: int) -> Wave:
    """Plays a waveform `rate` times as fast at the same pitch (waveform similarity overlap-add).

    Returns:
        A waveform of shape (round(samples / rate),).
    """
    hop = max(round(FRAME_SECONDS * sample_rate) // 2, 8)
    search = round(SEARCH_SECONDS * sample_rate)
    wanted = round(len(waveform) / rate)
    window = (0.5 - 0.5 * np.cos(np.pi * (np.arange(2 * hop) + 0.5) / hop)).astype(np.float32)
    source = np.pad(waveform, (search + hop, 3 * hop + 2 * search))  # so that no frame leaves it
    played = np.zeros(wanted + 3 * hop, dtype=np.float32)
    place = search  # where the last frame was taken from
    for number, start in enumerate(range(0, wanted + hop, hop)):
        middle = search + round(number * hop * rate)
        if number:
            lags = np.lib.stride_tricks.sliding_window_view(source[middle - search : middle + search + hop], hop)
            continuation = source[place + hop : place + 2 * hop]
            similarity = lags[::_STRIDE, ::_STRIDE] @ continuation[::_STRIDE]
            middle += int(np.argmax(similarity)) * _STRIDE - search
        place = min(max(middle, 0), len(source) - 2 * hop)
        played[start : start + 2 * hop] += window * source[place : place + 2 * hop]
    return played[hop : hop + wanted]


def at_pitch(waveform: Wave, semitones: float, sample_rate: int) -> Wave:
    """Moves all frequencies by semitones up or down; length and tempo stay."""
    factor = 2 ** (semitones / 12)
    stretched = at_rate(waveform, 1 / factor, sample_rate)
    moved = np.asarray(soxr.resample(stretched, factor, 1.0, quality="HQ"), dtype=np.float32)
    return np.pad(moved, (0, max(len(waveform) - len(moved), 0)))[: len(waveform)]


def at_distance(waveform: Wave, metres: float, sample_rate: int) -> Wave:
    """Makes a sound come from further away: air absorbs its high frequencies, and a room adds reverberation.

    The length stays, so the end of the reverberation is cut off.
    """
    if metres <= CLEAR_METRES:
        return waveform
    size = 1 << (len(waveform) + round(TAIL_SECONDS * sample_rate) - 1).bit_length()
    spectrum = np.fft.rfft(waveform, size) * _distance_response(size, metres, sample_rate)
    return np.asarray(np.fft.irfft(spectrum, size)[: len(waveform)], dtype=np.float32)


@lru_cache(maxsize=32)
def _distance_response(size: int, metres: float, sample_rate: int) -> NDArray[np.complex64]:
    """The frequency response of air and room over a distance."""
    seconds = np.arange(round(TAIL_SECONDS * sample_rate)) / sample_rate
    tail = np.random.default_rng(0).normal(size=len(seconds)) * np.exp(-seconds * 6.9 / TAIL_SECONDS)
    tail *= np.sqrt(metres / 12.0) / np.sqrt(np.sum(tail**2))  # at 12 metres as strong as the direct sound
    response = np.zeros(size)
    response[: len(tail)] = tail
    response[0] += 1.0
    hz = np.fft.rfftfreq(size, 1 / sample_rate)
    absorption = 1 / np.sqrt(1 + (hz / (18000.0 / metres)) ** 4)  # of second order, at 1.5 kHz from 12 metres away
    return np.asarray(np.fft.rfft(response) * absorption, dtype=np.complex64)
