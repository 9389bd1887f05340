"""Synthetic sounds of weather, water and fire."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import Take, Wave, decay, lay, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("rain")
def rain(take: Take) -> Wave:
    """A steady bright rush with single drops in front."""
    rush = take.band(take.noise(), take.hz(1800, 4000), take.hz(5500, 8000), slope=take.pick(6, 9))
    drops = take.rng.uniform(0, take.seconds, round(take.pick(10, 50) * take.seconds * take.rate))
    return unit(rush) + take.pick(1, 5) * take.sparks(drops, (1500, 6000), (0.001, 0.003))


@sound("wind")
def wind(take: Take) -> Wave:
    """A howl: narrow noise whose pitch rises and falls with its strength, over a dull rush."""
    n = take.num_samples
    base, gusts = take.hz(260, 560), take.pick(0.15, 0.35)
    track = take.pick(0.15, 0.5) * unit(take.band(take.noise(), 60, base, slope=9))
    for ratio in (1.0, take.pick(1.4, 1.9)):
        gust = take.wander(n, 1.8 * take.rate)
        howl = take.tone(base * ratio * np.exp(gusts * gust)) * take.wander(n, 40)
        track = track + howl * np.exp(0.5 * gust) / ratio
    return track * (1 + 0.3 * np.tanh(take.wander(n, 1.5 * take.rate)))


@sound("thunder")
def thunder(take: Take) -> Wave:
    """A crack, then a rumble that rolls on."""
    n = take.num_samples
    rolls = np.abs(take.wander(n, 6 * take.rate)) + 0.25
    rumble = unit(take.band(take.noise(), 30, take.hz(60, 160), slope=9))
    track = rumble * rolls * decay(n, take.pick(0.8, 1.8) * take.sample_rate)
    for time in (0.0, *take.rng.uniform(0.1, 0.5, take.rng.integers(0, 3))):
        m = take.samples(0.5)
        crack = unit(take.band(take.noise(m), 60, take.hz(500, 1200), slope=9)) * decay(m, 0.09 * take.sample_rate)
        lay(track, crack * take.pick(0.8, 2.5), round(time * take.sample_rate))
    return track


@sound("sea waves")
def sea_waves(take: Take) -> Wave:
    """Noise that swells, breaks brightly and draws back."""
    n = take.num_samples
    low = unit(take.band(take.noise(), take.pick(90, 200), take.hz(350, 900), slope=6))
    high = unit(take.band(take.noise(), take.hz(700, 1500), take.hz(3000, 6000), slope=6))
    period = take.period(1.2, 2.6)
    cycle = take.cycle(1 / period, n)
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
    track = take.pick(0.005, 0.03) * flicker
    snaps = take.rng.uniform(0, take.seconds, round(take.pick(10, 50) * take.rate * take.seconds))
    dry = take.pick(0.006, 0.02)
    for time in snaps:
        m = take.samples(dry * take.pick(0.5, 2))
        snap = take.noise(m) * decay(m, m / 4, attack=2)
        lay(track, snap * take.pick(0.05, 1.0), int(time * take.sample_rate))
    return take.band(track, take.pick(300, 900), take.hz(2500, 7000), slope=6)
