"""Spectrograms as small PNG images."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

NUM_ROWS = 96
NUM_COLUMNS = 320
NUM_COLORS = 32
MIN_HERTZ = 60.0
RANGE_DB = 80.0
_WINDOW_SECONDS = 0.032


def decibels(waveform: NDArray[np.float32], sample_rate: int) -> NDArray[np.float64]:
    """Computes power in dB on a logarithmic frequency axis.

    Args:
        waveform: Mono waveform, shape (samples,).
        sample_rate: Sample rate in Hz.

    Returns:
        Array (`NUM_ROWS`, `NUM_COLUMNS`): rows from `MIN_HERTZ` to half the sample rate, columns from start to end.
    """
    size = max(16, round(_WINDOW_SECONDS * sample_rate))
    padded = np.pad(np.asarray(waveform, dtype=np.float64), (size // 2, size))
    starts = np.linspace(0, max(len(waveform) - 1, 0), NUM_COLUMNS).astype(int)
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[starts] * np.hanning(size)
    power = np.abs(np.fft.rfft(frames, n=4 * size)) ** 2
    bins = np.fft.rfftfreq(4 * size, 1 / sample_rate)
    wanted = np.geomspace(MIN_HERTZ, sample_rate / 2, NUM_ROWS)
    return 10 * np.log10(np.stack([np.interp(wanted, bins, column) for column in power], axis=1) + 1e-12)


def spectrogram_pngs(waveforms: Sequence[NDArray[np.float32]], sample_rate: int) -> list[bytes]:
    """Draws one PNG a waveform on a common color scale, which ends `RANGE_DB` below the highest peak."""
    values = [decibels(waveform, sample_rate) for waveform in waveforms]
    peak = max(float(value.max()) for value in values)
    return [_png(np.clip((value - peak) / RANGE_DB + 1, 0, 1)) for value in values]


def frequency_position(hertz: float, sample_rate: int) -> float:
    """Position of a frequency on the vertical axis: 0 at the bottom, 1 at the top."""
    return float(np.log(hertz / MIN_HERTZ) / np.log(sample_rate / 2 / MIN_HERTZ))


def _png(fractions: NDArray[np.float64]) -> bytes:
    """Encodes values from 0 to 1, first row at the bottom; a palette of few colors makes it a third as large."""
    from matplotlib import colormaps
    from PIL import Image

    levels = np.linspace(0, 1, NUM_COLORS)
    image = Image.fromarray(np.rint(fractions[::-1] * (NUM_COLORS - 1)).astype(np.uint8), mode=None)
    image.putpalette((colormaps["magma"](levels)[:, :3] * 255).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, format="png", optimize=True)
    return buffer.getvalue()
