"""Synthetic sounds of bells, whistles, clocks and toys."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compa.scenes.banks.synthesizer.primitives import Take, Wave, bend, decay, falling, lay, silence, swell
from compa.scenes.banks.synthesizer.registry import sound


def struck(take: Take, hz: float, partials: Sequence[tuple[float, float, float]], seconds: float) -> Wave:
    """Something that is struck and rings: partials of (ratio, strength, share of the ring time)."""
    n = take.samples(seconds * 3)
    ring = silence(n)
    for ratio, strength, share in partials:
        if hz * ratio < 0.45 * take.sample_rate:
            ring += strength * take.tone(hz * ratio, n) * decay(n, seconds * share * take.sample_rate, attack=16)
    return ring


@sound("church bell")
def church_bell(take: Take) -> Wave:
    """Heavy strokes with a bell's uneven partials, that ring on."""
    hz = take.hz(260, 420)
    partials = [
        (ratio * take.pick(0.99, 1.01), strength * take.pick(0.6, 1.6), share)
        for ratio, strength, share in (
            (0.5, 0.6, 1.0), (1, 1, 0.7), (1.19, 0.9, 0.6), (1.5, 0.4, 0.4), (2, 1, 0.5), (2.74, 0.5, 0.25),
            (3.76, 0.4, 0.15),
        )
    ]  # fmt: skip
    stroke = struck(take, hz, partials, take.pick(0.5, 0.8))
    return take.repeat(take.strokes(take.period(0.7, 1.2), jitter=0.02), lambda: stroke, spread_db=1)


@sound("doorbell")
def doorbell(take: Take) -> Wave:
    """Ding dong: two chimes, the second one lower."""
    high = take.hz(620, 880)
    low, gap = high * take.pick(0.74, 0.82), take.period(0.32, 0.5)
    partials = [
        (1, 1, 1.0),
        (2, take.pick(0.05, 0.3), 0.5),
        (3, take.pick(0.05, 0.25), 0.35),
        (5.4, 0.08, 0.1),
    ]
    ding, dong = (struck(take, hz, partials, take.pick(0.24, 0.4)) for hz in (high, low))
    track = silence(take.num_samples)
    for time in take.strokes(2 * gap + take.period(0.25, 0.5), jitter=0.02):
        lay(track, ding, round(time * take.sample_rate))
        lay(track, dong, round((time + gap) * take.sample_rate))
    return track


@sound("telephone ring")
def telephone_ring(take: Take) -> Wave:
    """Two small bells that a clapper strikes many times a second, in bursts."""
    high = take.hz(1150, 1600)
    bells = (high, high * take.pick(1.2, 1.35))
    strike, burst, pause = 1 / take.pick(18, 26), take.period(0.5, 0.9), take.period(0.2, 0.4)
    partials = [(1, 1, 1.0), (2.3, 0.6, 0.6), (3.6, 0.3, 0.4)]
    grains = [struck(take, hz, partials, 0.1) for hz in bells]
    track = silence(take.num_samples)
    for time in take.strokes(burst + pause, jitter=0.01):
        for index in range(round(burst / strike)):
            lay(
                track,
                grains[index % 2] * take.pick(0.8, 1.0),
                round((time + index * strike) * take.sample_rate),
            )
    return track


@sound("alarm clock")
def alarm_clock(take: Take) -> Wave:
    """Groups of four quick electronic beeps."""
    hz, beep = take.hz(1500, 2300), take.period(0.05, 0.08)
    beeps, strengths = int(take.rng.integers(2, 5)), falling(9, 4, odd=True)
    n = take.samples(beep)
    shape = swell(n, 0.05, 0.05)
    track = silence(take.num_samples)
    for time in take.strokes(2 * beep * beeps + take.period(0.12, 0.3), jitter=0.0):
        for index in range(beeps):
            lay(
                track,
                take.buzz(hz, strengths, n) * shape,
                round((time + 2 * index * beep) * take.sample_rate),
            )
    return track


@sound("clock tick")
def clock_tick(take: Take) -> Wave:
    """Tick, tock: tiny dry clicks, evenly spaced, every other one a little lower."""
    tick = take.hz(2200, 3600)
    pitches, count = (tick, tick * take.pick(0.7, 0.85)), iter(range(10**6))

    def click() -> Wave:
        n = take.samples(0.05)
        hz = pitches[next(count) % 2]
        body = take.tone(hz, n) + 0.5 * take.tone(hz * 1.62, n)
        return body * decay(n, 0.0035 * take.sample_rate, attack=3) + 0.2 * take.noise(n) * decay(
            n, 0.001 * take.sample_rate
        )

    return take.repeat(take.strokes(take.period(0.22, 0.5), jitter=0.004), click, spread_db=0.7)


@sound("referee whistle")
def referee_whistle(take: Take) -> Wave:
    """A shrill tone that a pea makes trill."""
    hz, trill, length = take.hz(2500, 3400), take.pick(28, 48), take.period(0.35, 1.3)

    def blow() -> Wave:
        n = take.samples(length * take.pick(0.8, 1.2))
        pea = take.tone(trill * (1 + 0.08 * take.wander(n, 8)), n)
        contour = hz * bend(n, [0.93, 1.0, 1.0, 1.0, 0.97]) * (1 + 0.035 * pea)
        breath = 0.15 * take.band(take.noise(n), hz * 0.8, hz * 1.6)
        shrill: Wave = take.tone(contour) * (1 + 0.5 * pea)
        return (shrill + breath) * swell(n, 0.05, 0.08)

    return take.repeat(take.strokes(length + take.period(0.1, 0.25), jitter=0.1), blow, spread_db=1)


@sound("laser gun")
def laser_gun(take: Take) -> Wave:
    """A toy's shots: each a tone that dives from very high to low."""
    top, bottom, length = take.hz(2800, 5000), take.hz(150, 350), take.period(0.16, 0.32)
    strengths = falling(8, take.pick(4, 9), odd=True)

    def shot() -> Wave:
        n = take.samples(length * take.pick(0.9, 1.1))
        dive = bottom * (top / bottom) ** (np.linspace(1, 0, n, dtype=np.float32) ** take.pick(1.2, 1.6))
        return take.buzz(dive, strengths) * swell(n, 0.02, 0.3)

    return take.repeat(take.strokes(length + take.period(0.03, 0.15), jitter=0.1), shot, spread_db=1)
