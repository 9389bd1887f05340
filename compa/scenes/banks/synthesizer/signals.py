"""Synthetic sounds of bells, whistles, clocks and toys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave, bend, decay, falling, lay, silence, swell
from compa.scenes.banks.synthesizer.registry import sound


def struck(synth: SynthContext, hz: float, partials: Sequence[tuple[float, float, float]], seconds: float) -> Wave:
    """Something that is struck and rings: partials of (ratio, strength, fraction of the ring time)."""
    n = synth.samples(seconds * 3)
    ring = silence(n)
    for ratio, strength, fraction in partials:
        if hz * ratio < 0.45 * synth.sample_rate:
            ring += strength * synth.tone(hz * ratio, n) * decay(n, seconds * fraction * synth.sample_rate, attack=16)
    return ring


@sound("church bell")
def church_bell(synth: SynthContext) -> Wave:
    """Heavy strokes with a bell's uneven partials, that ring on."""
    hz = synth.hz(260, 420)
    partials = [
        (ratio * synth.pick(0.99, 1.01), strength * synth.pick(0.6, 1.6), fraction)
        for ratio, strength, fraction in (
            (0.5, 0.6, 1.0), (1, 1, 0.7), (1.19, 0.9, 0.6), (1.5, 0.4, 0.4), (2, 1, 0.5), (2.74, 0.5, 0.25),
            (3.76, 0.4, 0.15),
        )
    ]  # fmt: skip
    stroke = struck(synth, hz, partials, synth.pick(0.5, 0.8))
    return synth.repeat(synth.strokes(synth.pick(0.7, 1.2), jitter=0.02), lambda: stroke, spread_db=1)


@sound("doorbell")
def doorbell(synth: SynthContext) -> Wave:
    """Ding dong: two chimes, the second one lower."""
    high = synth.hz(620, 880)
    low, gap = high * synth.pick(0.74, 0.82), synth.pick(0.32, 0.5)
    partials = [
        (1, 1, 1.0),
        (2, synth.pick(0.05, 0.3), 0.5),
        (3, synth.pick(0.05, 0.25), 0.35),
        (5.4, 0.08, 0.1),
    ]
    ding, dong = (struck(synth, hz, partials, synth.pick(0.24, 0.4)) for hz in (high, low))
    track = silence(synth.num_samples)
    for time in synth.strokes(2 * gap + synth.pick(0.25, 0.5), jitter=0.02):
        lay(track, ding, round(time * synth.sample_rate))
        lay(track, dong, round((time + gap) * synth.sample_rate))
    return track


@sound("telephone ring")
def telephone_ring(synth: SynthContext) -> Wave:
    """Two small bells that a clapper strikes many times a second, in bursts."""
    high = synth.hz(1150, 1600)
    bells = (high, high * synth.pick(1.2, 1.35))
    strike, burst, pause = 1 / synth.pick(18, 26), synth.pick(0.5, 0.9), synth.pick(0.2, 0.4)
    partials = [(1, 1, 1.0), (2.3, 0.6, 0.6), (3.6, 0.3, 0.4)]
    grains = [struck(synth, hz, partials, 0.1) for hz in bells]
    track = silence(synth.num_samples)
    for time in synth.strokes(burst + pause, jitter=0.01):
        for index in range(round(burst / strike)):
            lay(
                track,
                grains[index % 2] * synth.pick(0.8, 1.0),
                round((time + index * strike) * synth.sample_rate),
            )
    return track


@sound("alarm clock")
def alarm_clock(synth: SynthContext) -> Wave:
    """Groups of four quick electronic beeps."""
    hz, beep = synth.hz(1500, 2300), synth.pick(0.05, 0.08)
    beeps, strengths = int(synth.rng.integers(2, 5)), falling(9, 4, odd=True)
    n = synth.samples(beep)
    shape = swell(n, 0.05, 0.05)
    track = silence(synth.num_samples)
    for time in synth.strokes(2 * beep * beeps + synth.pick(0.12, 0.3), jitter=0.0):
        for index in range(beeps):
            lay(
                track,
                synth.buzz(hz, strengths, n) * shape,
                round((time + 2 * index * beep) * synth.sample_rate),
            )
    return track


@sound("clock tick")
def clock_tick(synth: SynthContext) -> Wave:
    """Tick, tock: tiny dry clicks, evenly spaced, every other one a little lower."""
    tick = synth.hz(2200, 3600)
    pitches, count = (tick, tick * synth.pick(0.7, 0.85)), iter(range(10**6))

    def click() -> Wave:
        n = synth.samples(0.05)
        hz = pitches[next(count) % 2]
        body = synth.tone(hz, n) + 0.5 * synth.tone(hz * 1.62, n)
        return body * decay(n, 0.0035 * synth.sample_rate, attack=3) + 0.2 * synth.noise(n) * decay(
            n, 0.001 * synth.sample_rate
        )

    return synth.repeat(synth.strokes(synth.pick(0.22, 0.5), jitter=0.004), click, spread_db=0.7)


@sound("referee whistle")
def referee_whistle(synth: SynthContext) -> Wave:
    """A shrill tone that a pea makes trill."""
    hz, trill, length = synth.hz(2500, 3400), synth.pick(28, 48), synth.pick(0.35, 1.3)

    def blow() -> Wave:
        n = synth.samples(length * synth.pick(0.8, 1.2))
        pea = synth.tone(trill * (1 + 0.08 * synth.wander(n, 8)), n)
        contour = hz * bend(n, [0.93, 1.0, 1.0, 1.0, 0.97]) * (1 + 0.035 * pea)
        breath = 0.15 * synth.band(synth.noise(n), hz * 0.8, hz * 1.6)
        shrill: Wave = synth.tone(contour) * (1 + 0.5 * pea)
        return (shrill + breath) * swell(n, 0.05, 0.08)

    return synth.repeat(synth.strokes(length + synth.pick(0.1, 0.25), jitter=0.1), blow, spread_db=1)


@sound("laser gun")
def laser_gun(synth: SynthContext) -> Wave:
    """A toy's shots: each a tone that dives from very high to low."""
    top, bottom, length = synth.hz(2800, 5000), synth.hz(150, 350), synth.pick(0.16, 0.32)
    strengths = falling(8, synth.pick(4, 9), odd=True)

    def shot() -> Wave:
        n = synth.samples(length * synth.pick(0.9, 1.1))
        dive = bottom * (top / bottom) ** (np.linspace(1, 0, n, dtype=np.float32) ** synth.pick(1.2, 1.6))
        return synth.buzz(dive, strengths) * swell(n, 0.02, 0.3)

    return synth.repeat(synth.strokes(length + synth.pick(0.03, 0.15), jitter=0.1), shot, spread_db=1)
