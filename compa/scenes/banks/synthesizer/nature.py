"""Synthetic sounds of weather, water and fire."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave, decay, lay, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("rain")
def rain(synth: SynthContext) -> Wave:
    """A steady bright rush with single drops in front."""
    rush = synth.band(synth.noise(), synth.hz(1800, 4000), synth.hz(5500, 8000), slope=synth.pick(6, 9))
    drops = synth.rng.uniform(0, synth.seconds, round(synth.pick(10, 50) * synth.seconds))
    return unit(rush) + synth.pick(1, 5) * synth.sparks(drops, (1500, 6000), (0.001, 0.003))


@sound("wind")
def wind(synth: SynthContext) -> Wave:
    """A howl: narrow noise whose pitch rises and falls with its strength, over a dull rush."""
    n = synth.num_samples
    base, gusts = synth.hz(260, 560), synth.pick(0.15, 0.35)
    track = synth.pick(0.15, 0.5) * unit(synth.band(synth.noise(), 60, base, slope=9))
    for ratio in (1.0, synth.pick(1.4, 1.9)):
        gust = synth.wander(n, 1.8)
        howl = synth.tone(base * ratio * np.exp(gusts * gust)) * synth.wander(n, 40)
        track = track + howl * np.exp(0.5 * gust) / ratio
    return track * (1 + 0.3 * np.tanh(synth.wander(n, 1.5)))


@sound("thunder")
def thunder(synth: SynthContext) -> Wave:
    """A crack, then a rumble that rolls on."""
    n = synth.num_samples
    rolls = np.abs(synth.wander(n, 6)) + 0.25
    rumble = unit(synth.band(synth.noise(), 30, synth.hz(60, 160), slope=9))
    track = rumble * rolls * decay(n, synth.pick(0.8, 1.8) * synth.sample_rate)
    for time in (0.0, *synth.rng.uniform(0.1, 0.5, synth.rng.integers(0, 3))):
        m = synth.samples(0.5)
        crack = unit(synth.band(synth.noise(m), 60, synth.hz(500, 1200), slope=9)) * decay(m, 0.09 * synth.sample_rate)
        lay(track, crack * synth.pick(0.8, 2.5), round(time * synth.sample_rate))
    return track


@sound("sea waves")
def sea_waves(synth: SynthContext) -> Wave:
    """Noise that swells, breaks brightly and draws back."""
    n = synth.num_samples
    low = unit(synth.band(synth.noise(), synth.pick(90, 200), synth.hz(350, 900), slope=6))
    high = unit(synth.band(synth.noise(), synth.hz(700, 1500), synth.hz(3000, 6000), slope=6))
    period = synth.pick(1.2, 2.6)
    cycle = synth.cycle(1 / period, n)
    surge = np.where(cycle < 0.35, (cycle / 0.35) ** 2, np.exp(-2.6 * (cycle - 0.35)))
    return low * (0.25 + 0.75 * surge) + high * synth.pick(0.5, 1.0) * (0.02 + surge**2)


@sound("water drip")
def water_drip(synth: SynthContext) -> Wave:
    """Single drops into water: a short tone that shoots up."""
    base = synth.hz(700, 1500)

    def drop() -> Wave:
        n = synth.samples(0.12)
        start = base * synth.pick(0.8, 1.25)
        contour = start * (1 + synth.pick(0.6, 1.4) * np.linspace(0, 1, n) ** 0.7)
        plop = synth.tone(contour) * decay(n, synth.pick(0.012, 0.03) * synth.sample_rate, attack=40)
        plop[: synth.samples(0.002)] += 0.3 * synth.noise(synth.samples(0.002))
        return plop

    return synth.repeat(synth.strokes(synth.pick(0.16, 0.42), jitter=0.3), drop, spread_db=3)


@sound("fire crackling")
def fire_crackling(synth: SynthContext) -> Wave:
    """Irregular dry snaps over a faint low flicker."""
    n = synth.num_samples
    flicker = unit(synth.band(synth.noise(), 60, synth.hz(180, 350), slope=6)) * (1 + 0.5 * np.tanh(synth.wander(n, 8)))
    track = synth.pick(0.005, 0.03) * flicker
    snaps = synth.rng.uniform(0, synth.seconds, round(synth.pick(10, 50) * synth.seconds))
    dry = synth.pick(0.006, 0.02)
    for time in snaps:
        m = synth.samples(dry * synth.pick(0.5, 2))
        snap = synth.noise(m) * decay(m, m / 4, attack=2)
        lay(track, snap * synth.pick(0.05, 1.0), int(time * synth.sample_rate))
    return synth.band(track, synth.pick(300, 900), synth.hz(2500, 7000), slope=6)
