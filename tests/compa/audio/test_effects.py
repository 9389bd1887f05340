"""What is done to sounds, measured by other means than it was done."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import lfilter

from compa.audio.effects import at_distance, at_pitch, at_rate
from compa.audio.loudness import loudness

RATE = 16000


def sine(hz: float, seconds: float = 1.0, rate: int = RATE) -> NDArray[np.float32]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate).astype(np.float32)


def clicks(every: float, seconds: float) -> NDArray[np.float32]:
    """Short bursts of a tone."""
    time = np.arange(round(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * 800 * time) * np.exp(-(time % every) * 60)).astype(np.float32)


def peak_hz(waveform: NDArray[np.float32]) -> float:
    spectrum = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    return float(np.argmax(spectrum) * RATE / len(waveform))


def beat_seconds(waveform: NDArray[np.float32]) -> float:
    """The period of the envelope, by its autocorrelation in frames of 10 ms."""
    envelope = np.abs(waveform)[: len(waveform) // 160 * 160].reshape(-1, 160).mean(axis=1)
    envelope -= envelope.mean()
    alike = np.correlate(envelope, envelope, "full")[len(envelope) :]
    return 0.01 * (10 + int(np.argmax(alike[9:60])))


def by_filters(waveform: NDArray[np.floating]) -> float:
    """BS.1770 in the time domain, at the rate that its filters are for."""
    head = lfilter([1.53512485958697, -2.69169618638940, 1.19839281085285], [1, -1.69065929318241, 0.73248077421585],
                   waveform.astype(np.float64))  # fmt: skip
    weighted = lfilter([1, -2, 1], [1, -1.99004745483398, 0.99007225036621], head)
    return float(-0.691 + 10 * np.log10(np.mean(weighted**2)))


def test_loudness_is_that_of_the_standard() -> None:
    assert loudness(sine(997, 5, 48000), 48000) == pytest.approx(-3.01, abs=0.01)
    assert loudness(0.1 * sine(997, 5, 48000), 48000) == pytest.approx(-23.01, abs=0.01)
    noise = np.random.default_rng(0).normal(size=48000).astype(np.float32)
    for sound in (noise, sine(60, 1, 48000), sine(5000, 1, 48000), np.cumsum(noise) / 100):
        assert loudness(sound.astype(np.float32), 48000) == pytest.approx(by_filters(sound), abs=0.1)
    assert loudness(sine(997, 1, 8000), 8000) == pytest.approx(-3.01, abs=0.05)
    assert loudness(np.zeros(100, np.float32), RATE) < -150


@pytest.mark.parametrize("rate", [0.6, 0.8, 1.25, 1.6])
def test_tempo_changes_and_pitch_does_not(rate: float) -> None:
    tone = at_rate(sine(440), rate, RATE)
    assert len(tone) == round(RATE / rate)
    assert peak_hz(tone) == pytest.approx(440, abs=4)
    assert np.sqrt(np.mean(tone**2)) == pytest.approx(np.sqrt(0.5), rel=0.05)
    assert beat_seconds(at_rate(clicks(0.25, 4.0), rate, RATE)) == pytest.approx(0.25 / rate, abs=0.021)


@pytest.mark.parametrize("semitones", [-7, -5, 5, 7])
def test_pitch_changes_and_length_does_not(semitones: float) -> None:
    moved = at_pitch(sine(600), semitones, RATE)
    assert len(moved) == RATE
    assert peak_hz(moved) == pytest.approx(600 * 2 ** (semitones / 12), rel=0.01)
    assert beat_seconds(at_pitch(clicks(0.25, 4.0), semitones, RATE)) == pytest.approx(0.25, abs=0.021)


def test_distance_dulls_and_blurs() -> None:
    noise = np.random.default_rng(0).normal(size=RATE).astype(np.float32)
    assert at_distance(noise, 1.0, RATE) is noise
    shares = []
    for metres in (1.0, 5.0, 15.0):
        spectrum = np.abs(np.fft.rfft(at_distance(noise, metres, RATE))) ** 2
        shares.append(spectrum[4000:].sum() / spectrum.sum())  # above 4 kHz
    assert shares[0] > 0.4 > 2 * shares[1] > 20 * shares[2]
    click = np.zeros(RATE, np.float32)
    click[100] = 1.0
    far = at_distance(click, 15.0, RATE)
    assert np.sum(far[1000:] ** 2) > 0.05 * np.sum(far**2)
    assert len(far) == RATE
