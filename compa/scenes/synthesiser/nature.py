"""Synthetic sounds of weather, water and fire."""

from __future__ import annotations

import numpy as np

from compa.scenes.synthesiser.primitives import Take, Wave, decay, lay, unit
from compa.scenes.synthesiser.registry import sound


@sound("rain")
def rain(take: Take) -> Wave:
    """A steady bright rush with single drops in front."""
    rush = take.band(take.noise(), take.hz(900, 2000), take.hz(6000, 8000), slope=6)
    drops = take.rng.uniform(0, take.seconds, round(take.pick(30, 120) * take.rate))
    return unit(rush) + take.pick(1, 4) * take.sparks(drops, (1500, 6000), (0.001, 0.003))


@sound("wind")
def wind(take: Take) -> Wave:
    """A howl: low noise whose colour and strength wander slowly."""
    n = take.num_samples
    base = take.hz(300, 520)
    track = 0.35 * unit(take.band(take.noise(), 60, base, slope=9))
    noise = take.noise()
    for ratio in (1.0, 1.35, 1.8):
        howl = take.formants(noise, (base * ratio, 0), width=0.07)
        track = track + unit(howl) * np.exp(0.9 * take.wander(n, 2.5 * take.rate)) / ratio
    return track * (1 + 0.4 * np.tanh(take.wander(n, 1.5 * take.rate)))


@sound("thunder")
def thunder(take: Take) -> Wave:
    """A crack, then a rumble that rolls on."""
    n = take.num_samples
    rolls = np.abs(take.wander(n, 6 * take.rate)) + 0.25
    rumble = unit(take.band(take.noise(), 30, take.hz(80, 140), slope=9)) * rolls * decay(n, 1.4 * take.sample_rate)
    track = rumble
    for time in (0.0, *take.rng.uniform(0.1, 0.5, take.rng.integers(0, 3))):
        m = take.samples(0.5)
        crack = unit(take.band(take.noise(m), 60, take.hz(500, 1200), slope=9)) * decay(m, 0.09 * take.sample_rate)
        lay(track, crack * take.pick(0.8, 2.5), round(time * take.sample_rate))
    return track


@sound("sea waves")
def sea_waves(take: Take) -> Wave:
    """Noise that swells, breaks brightly and draws back."""
    n = take.num_samples
    low = unit(take.band(take.noise(), 120, take.hz(500, 800), slope=6))
    high = unit(take.band(take.noise(), take.hz(900, 1400), 5000, slope=6))
    period, phase = take.period(1.6, 2.6), take.rng.random()
    cycle = (np.arange(n) / take.sample_rate / period + phase) % 1
    surge = np.where(cycle < 0.35, (cycle / 0.35) ** 2, np.exp(-2.6 * (cycle - 0.35)))
    return low * (0.25 + 0.75 * surge) + high * take.pick(0.5, 1.0) * (0.02 + surge**2)


@sound("water drip")
def water_drip(take: Take) -> Wave:
    """Single drops into water: a short tone that shoots up."""
    base = take.hz(700, 1500)

    def drop() -> Wave:
        n = take.samples(0.12)
        start = base * take.pick(0.8, 1.25)
        contour = start * (1 + take.pick(0.6, 1.4) * np.linspace(0, 1, n) ** 0.7)
        plop = take.tone(contour) * decay(n, take.pick(0.012, 0.03) * take.sample_rate, attack=40)
        plop[: take.samples(0.002)] += 0.3 * take.noise(take.samples(0.002))
        return plop

    return take.repeat(take.strokes(take.period(0.16, 0.42), jitter=0.3), drop, spread_db=3)


@sound("fire crackling")
def fire_crackling(take: Take) -> Wave:
    """Irregular dry snaps over a faint low flicker."""
    n = take.num_samples
    flicker = unit(take.band(take.noise(), 60, take.hz(180, 350), slope=6)) * (1 + 0.5 * np.tanh(take.wander(n, 8)))
    track = 0.05 * flicker
    snaps = take.rng.uniform(0, take.seconds, round(take.pick(16, 45) * take.rate * take.seconds))
    for time in snaps:
        m = take.samples(take.pick(0.004, 0.02))
        snap = take.noise(m) * decay(m, m / 4, attack=2)
        lay(track, snap * take.pick(0.05, 1.0), int(time * take.sample_rate))
    return take.band(track, 40, take.hz(3000, 6500), slope=6)
