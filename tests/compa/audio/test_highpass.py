from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from compa.audio.highpass import highpass

RATE = 16000
TIMES = np.arange(3 * RATE) / RATE


def tone(hz: float, phase: float = 0.0) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hz * TIMES + phase).astype(np.float32)


def decibels(waveform: NDArray[np.float32]) -> float:
    return float(10 * np.log10(np.mean(waveform[RATE:] ** 2) * 2))


@pytest.mark.parametrize(("hz", "gain"), [(10, -55.9), (25, -24.1), (50, -3.0), (100, 0.0), (440, 0.0), (7900, 0.0)])
def test_gain(hz: float, gain: float) -> None:
    assert decibels(highpass(tone(hz), RATE)) == pytest.approx(gain, abs=0.1)


def test_agrees_with_scipy_on_noise_that_starts_with_silence() -> None:
    noise = np.random.default_rng(0).normal(size=2 * RATE).astype(np.float32)
    noise[: RATE // 2] = 0
    expected = sosfilt(butter(4, 50, "highpass", fs=RATE, output="sos"), noise)
    np.testing.assert_allclose(highpass(noise, RATE), expected, atol=1e-5)


def test_nothing_sounds_before_a_click() -> None:
    waveform = np.zeros(RATE, np.float32)
    waveform[8000:8010] = 0.5
    filtered = np.abs(highpass(waveform, RATE))
    assert filtered[:7990].max() < 1e-5 < filtered[8000]


@pytest.mark.parametrize("phase", [0.0, 1.0, np.pi / 2])
def test_rumble_and_an_offset_do_not_start_with_a_click(phase: float) -> None:
    rumble = 0.5 * tone(10, phase) + 0.3
    assert np.abs(highpass(rumble, RATE)).max() < 0.02


@pytest.mark.parametrize("num_samples", [1, 2, 100, RATE // 2, RATE + 1])
@pytest.mark.parametrize("rate", [8000, 96000])
def test_any_length_and_rate(num_samples: int, rate: int) -> None:
    waveform = np.random.default_rng(0).normal(size=num_samples).astype(np.float32)
    kept = waveform.copy()
    filtered = highpass(waveform, rate)
    assert filtered.dtype == np.float32
    assert filtered.shape == (num_samples,)
    assert np.isfinite(filtered).all()
    np.testing.assert_array_equal(waveform, kept)
