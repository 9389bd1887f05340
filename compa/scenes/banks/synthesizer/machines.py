"""Synthetic sounds of vehicles, tools and steam."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import Take, Wave, bend, falling, swell, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("car engine")
def car_engine(take: Take) -> Wave:
    """The uneven low throb of an engine at idle."""
    n = take.num_samples
    firing = take.hz(22, 42) * take.rate * (1 + 0.03 * take.wander(n, 6))
    throb = unit(take.buzz(firing, falling(40, 2)))
    noise = unit(take.noise()) * (0.4 + np.maximum(0, take.tone(firing)) ** 2)
    return take.formants(throb + 0.5 * noise, (take.hz(70, 120), 4), (take.hz(220, 420), -4), (take.hz(900, 1400), -16))


@sound("helicopter")
def helicopter(take: Take) -> Wave:
    """Rotor blades that chop noise, and a faint turbine."""
    n = take.num_samples
    chop = take.pick(10, 17) * take.rate
    phase = take.cycle(chop, n)
    blade = np.exp(-phase * take.pick(4, 7)) * np.minimum(1, phase * 25)
    wash = unit(take.band(take.noise(), take.pick(60, 120), take.hz(400, 1100), slope=7))
    turbine = take.tone(take.hz(1500, 2600)) * take.pick(0.01, 0.06)
    return np.asarray(wash * (0.04 + blade) + turbine)


@sound("car horn")
def car_horn(take: Take) -> Wave:
    """Two brassy tones a third apart, in honks."""
    low = take.hz(340, 480)
    high, length = low * take.pick(1.19, 1.27), take.period(0.25, 0.9)
    strengths = falling(20, take.pick(2, 5))

    def honk() -> Wave:
        n = take.samples(length * take.pick(0.8, 1.2))
        chord = take.buzz(low, strengths, n) + take.buzz(high, strengths, n)
        return take.filtered(chord, (200, -6), (1200, 0), (3000, 2), (6000, -12)) * swell(n, 0.04, 0.06)

    return take.repeat(take.strokes(length + take.period(0.1, 0.25), jitter=0.08), honk, spread_db=0.5)


@sound("siren")
def siren(take: Take) -> Wave:
    """A tone that wails up and down without a pause."""
    n = take.num_samples
    low = take.hz(400, 620)
    width, period = take.pick(1.8, 2.5), take.period(0.4, 2.2)
    wail = low * np.exp(np.log(width) * (0.5 + 0.5 * take.tone(1 / period, n)))
    return take.filtered(take.buzz(wail, falling(12, 5)), (300, -6), (1000, 0), (3000, -3), (6000, -12))


@sound("foghorn")
def foghorn(take: Take) -> Wave:
    """A very low, long, brassy blast."""
    base, length = take.hz(75, 125), take.period(1.2, 2.2)

    def blast() -> Wave:
        n = take.samples(length)
        contour = base * bend(n, [0.94, 1.0, 1.0, 1.0, 1.0, 0.95])
        brass = take.buzz(contour, falling(30, 3)) * swell(n, 0.08, 0.1)
        return take.formants(brass, (220, 0), (560, -4), (1200, -14), width=0.7)

    return take.repeat(take.strokes(length + take.period(0.1, 0.25)), blast, spread_db=0.5)


@sound("hand saw")
def hand_saw(take: Take) -> Wave:
    """Rasping strokes to and fro, one brighter than the other."""
    stroke, teeth = take.period(0.18, 0.38), take.pick(60, 140)
    tones = (take.hz(800, 1400), take.hz(1700, 2800))
    top = take.hz(3500, 6000)
    strokes = iter(range(10**6))

    def rasp() -> Wave:
        n = take.samples(stroke * 0.85)
        speed = np.sin(np.linspace(0.15, np.pi - 0.15, n, dtype=np.float32))
        grit = take.noise(n) * (0.35 + np.maximum(0, take.tone(teeth * (0.4 + speed))))
        return unit(take.band(grit, tones[next(strokes) % 2], top, slope=9)) * speed

    return take.repeat(take.strokes(stroke, jitter=0.03), rasp, spread_db=1)


@sound("electric drill")
def electric_drill(take: Take) -> Wave:
    """A whining motor under load."""
    n = take.num_samples
    load = 1 + 0.12 * np.tanh(take.wander(n, 2.5 * take.rate))
    motor = take.hz(260, 400) * load
    whine = take.buzz(motor, falling(18, 1)) * (1 + 0.4 * take.tone(take.pick(25, 45), n))
    gears = take.buzz(motor * 5.33, falling(3, 6))
    grind = unit(take.band(take.noise(), 1500, 6000, slope=6))
    return take.filtered(unit(whine) + 0.6 * unit(gears) + 0.35 * grind, (150, -20), (800, -3), (2500, 0), (7000, -8))


@sound("steam hiss")
def steam_hiss(take: Take) -> Wave:
    """Jets of very high noise, each let go with a puff."""
    length = take.period(0.3, 0.9)
    low = take.hz(3800, 5000)

    def jet() -> Wave:
        n = take.samples(length * take.pick(0.8, 1.2))
        return take.band(take.noise(n), low, 7800, slope=24) * swell(n, 0.04, 0.5)

    return take.repeat(take.strokes(length * 1.15 + take.period(0.04, 0.12)), jet, spread_db=1)
