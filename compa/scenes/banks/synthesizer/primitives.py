"""Building blocks of synthetic sounds: tones, noise, filters, envelopes, and the context of a synthesis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Wave = NDArray[np.floating]
"""A waveform, an envelope or a contour in Hz, of shape (samples,); float32 where it can be, for speed."""

MAX_RATE_FRACTION = 0.45
"""The highest frequency of a tone, as a fraction of the sample rate."""
TABLE_SIZE = 4096


@dataclass
class SynthContext:
    """What a sound is synthesized with.

    Attributes:
        rng: Draws everything that differs between recordings of a sound.
        sample_rate: In Hz.
        seconds: Length of the recording.
    """

    rng: np.random.Generator
    sample_rate: int
    seconds: float

    @property
    def num_samples(self) -> int:
        """The samples of the whole recording."""
        return round(self.seconds * self.sample_rate)

    def samples(self, seconds: float) -> int:
        """The samples of a part of the recording, at least 2."""
        return max(2, round(seconds * self.sample_rate))

    def pick(self, low: float, high: float) -> float:
        """Draws between two positive numbers, uniformly on a logarithmic scale."""
        return float(low * (high / low) ** self.rng.random())

    def hz(self, low: float, high: float) -> float:
        """Draws a frequency, below the Nyquist frequency."""
        return min(self.pick(low, high), MAX_RATE_FRACTION * self.sample_rate)

    def noise(self, num_samples: int | None = None) -> Wave:
        """White noise of unit variance."""
        return self.rng.standard_normal(num_samples or self.num_samples, dtype=np.float32)

    def tone(self, hz: float | Wave, num_samples: int | None = None) -> Wave:
        """A sine of random phase at a fixed or moving frequency."""
        return np.asarray(np.sin(2 * np.pi * self.cycle(hz, num_samples)))

    def buzz(self, hz: float | Wave, strengths: Sequence[float] | Wave, num_samples: int | None = None) -> Wave:
        """A harmonic tone; `strengths` are the amplitudes of its partials, which stay below the Nyquist frequency."""
        num_partials = int(MAX_RATE_FRACTION * self.sample_rate / max(float(np.max(hz)), 1.0))
        partials = np.zeros(TABLE_SIZE // 2 + 1, dtype=complex)
        kept = np.asarray(strengths, dtype=float)[: max(1, num_partials)]
        partials[1 : len(kept) + 1] = kept * np.exp(2j * np.pi * self.rng.random(len(kept)))
        table = (np.fft.irfft(partials) * TABLE_SIZE / 2).astype(np.float32)
        return table[(self.cycle(hz, num_samples) * TABLE_SIZE).astype(np.int32) % TABLE_SIZE]

    def cycle(self, hz: float | Wave, num_samples: int | None = None) -> Wave:
        """The phase of an oscillation in cycles, from 0 to 1; summed in float64, to stay in tune."""
        highest = MAX_RATE_FRACTION * self.sample_rate
        cycles: NDArray[np.float64]
        if isinstance(hz, np.ndarray):
            cycles = np.cumsum(np.minimum(hz, highest) / self.sample_rate, dtype=np.float64)
        else:
            steps = np.arange(num_samples or self.num_samples, dtype=np.float64)
            cycles = steps * (min(float(hz), highest) / self.sample_rate)
        cycles += self.rng.random()
        cycles -= np.floor(cycles)
        return cycles.astype(np.float32)

    def wander(self, num_samples: int, per_second: float) -> Wave:
        """A random contour of unit variance with about `per_second` turning points a second."""
        knots = max(4, round(num_samples / self.sample_rate * per_second) + 3)
        return bend(num_samples, self.rng.standard_normal(knots, dtype=np.float32))

    def filtered(self, wave: Wave, *points: tuple[float, float]) -> Wave:
        """Filters with a gain that is linear over logarithmic frequency between points of (Hz, dB)."""
        size = _fast_size(len(wave))
        octaves = _octaves(size, self.sample_rate)
        gain_db = np.interp(octaves, [np.log2(hz) for hz, _ in points], [db for _, db in points])
        return _through(wave, size, np.exp(gain_db * (np.log(10) / 20)))

    def band(self, wave: Wave, low: float, high: float, slope: float = 18.0) -> Wave:
        """A band-pass between two frequencies; outside, its gain falls by `slope` dB an octave."""
        far = 6.0  # octaves
        return self.filtered(wave, (low / 2**far, -slope * far), (low, 0.0), (high, 0.0), (high * 2**far, -slope * far))

    def formants(self, wave: Wave, *peaks: tuple[float, float], width: float = 0.35) -> Wave:
        """A filter with peaks at (Hz, dB), about `width` octaves wide."""
        size = _fast_size(len(wave))
        octaves = _octaves(size, self.sample_rate)
        gain = np.full(len(octaves), 0.01)
        for hz, db in peaks:
            square = 1 + ((octaves - np.log2(hz)) / width) ** 2
            gain += 10 ** (db / 20) / (square * np.sqrt(square))
        return _through(wave, size, gain)

    def strokes(self, period: float, jitter: float = 0.05, start: float | None = None) -> list[float]:
        """Times in seconds at which something recurs until the recording ends; the first is near the start."""
        time = self.rng.uniform(0, min(0.1, period / 2)) if start is None else start
        times = []
        while time < self.seconds - 0.03:
            times.append(float(time))
            time += period * max(0.2, 1 + jitter * self.rng.standard_normal())
        return times

    def repeat(self, times: Sequence[float], part: Callable[[], Wave], spread_db: float = 2.0) -> Wave:
        """A track with a part at each of the times, synthesized anew each time and of varying level."""
        track = silence(self.num_samples)
        for time in times:
            lay(
                track,
                part() * 10 ** (spread_db * self.rng.standard_normal() / 20),
                round(time * self.sample_rate),
            )
        return track

    def sparks(self, times: Wave, hz: tuple[float, float], seconds: tuple[float, float]) -> Wave:
        """A track with a short decaying sine of random frequency, length and level at each of the times (seconds)."""
        track = silence(self.num_samples)
        for time in times:
            length = self.pick(*seconds)
            n = self.samples(4 * length)
            spark = np.sin(2 * np.pi * self.hz(*hz) / self.sample_rate * np.arange(n)) * decay(
                n, length * self.sample_rate
            )
            lay(track, spark * self.pick(0.1, 1.0), int(time * self.sample_rate))
        return track


def _fast_size(num_samples: int) -> int:
    """An FFT size of at least this, at most an eighth more, without large factors."""
    step = 1 << max(0, num_samples.bit_length() - 4)
    return -(-num_samples // step) * step


@lru_cache(maxsize=256)
def _octaves(size: int, sample_rate: int) -> Wave:
    """The base 2 logarithm of the frequency of each FFT bin; the lowest bins count as 1 Hz."""
    return np.asarray(np.log2(np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 1.0)), dtype=np.float32)


def _through(wave: Wave, size: int, gain: Wave) -> Wave:
    """Multiplies the spectrum, of an FFT of `size`, by a gain."""
    return np.fft.irfft(np.fft.rfft(wave, size) * gain.astype(wave.dtype), size)[: len(wave)]


def bend(num_samples: int, knots: Sequence[float] | Wave) -> Wave:
    """A smooth contour through evenly spaced knots."""
    values = np.asarray(knots, dtype=np.float32)
    place = np.linspace(0, len(values) - 1, num_samples, dtype=np.float32)
    left = np.minimum(place.astype(np.int32), len(values) - 2)
    step = place - left.astype(np.float32)
    step *= step * (3 - 2 * step)
    return np.asarray(values[left] + np.diff(values)[left] * step)


def decay(num_samples: int, samples: float, attack: int = 8) -> Wave:
    """Falls to 1/e every `samples`, after a short rise."""
    envelope: Wave = np.exp(np.arange(num_samples, dtype=np.float32) * (-1 / samples))
    attack = min(attack, num_samples)
    envelope[:attack] *= np.linspace(0, 1, attack, dtype=np.float32)
    return envelope


def swell(num_samples: int, attack: float, release: float) -> Wave:
    """Rises and falls along sines; `attack` and `release` are fractions of the whole."""
    envelope = np.ones(num_samples, dtype=np.float32)
    rise, fall = max(1, int(attack * num_samples)), max(1, int(release * num_samples))
    envelope[:rise] *= np.sin(np.linspace(0, np.pi / 2, rise, dtype=np.float32))
    envelope[num_samples - fall :] *= np.cos(np.linspace(0, np.pi / 2, fall, dtype=np.float32))
    return envelope


def silence(num_samples: int) -> Wave:
    """An empty track."""
    return np.zeros(num_samples, dtype=np.float32)


def lay(track: Wave, part: Wave, start: int) -> None:
    """Adds a part to a track in place; what extends beyond its end is cut off."""
    part = part[: max(0, len(track) - start)]
    track[start : start + len(part)] += part


def unit(wave: Wave) -> Wave:
    """Scales to a root mean square of 1."""
    return wave / max(float(np.sqrt(np.mean(np.square(wave)))), 1e-9)


def falling(num: int, slope_db: float, odd: bool = False) -> Wave:
    """Amplitudes of `num` partials that fall by `slope_db` an octave; with `odd`, of odd ones only."""
    order = np.arange(1, num + 1)
    strengths = 10 ** (-slope_db * np.log2(order) / 20)
    return np.where(order % 2 == 1, strengths, 0.0) if odd else strengths
