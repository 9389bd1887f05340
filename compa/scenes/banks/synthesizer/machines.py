"""Synthetic sounds of vehicles, tools and steam."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave, bend, falling, swell, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("car engine")
def car_engine(synth: SynthContext) -> Wave:
    """The uneven low throb of an engine at idle."""
    n = synth.num_samples
    firing = synth.hz(22, 42) * (1 + 0.03 * synth.wander(n, 6))
    throb = unit(synth.buzz(firing, falling(40, 2)))
    noise = unit(synth.noise()) * (0.4 + np.maximum(0, synth.tone(firing)) ** 2)
    return synth.formants(
        throb + 0.5 * noise, (synth.hz(70, 120), 4), (synth.hz(220, 420), -4), (synth.hz(900, 1400), -16)
    )


@sound("helicopter")
def helicopter(synth: SynthContext) -> Wave:
    """Rotor blades that chop noise, and a faint turbine."""
    n = synth.num_samples
    chop = synth.pick(10, 17)
    phase = synth.cycle(chop, n)
    blade = np.exp(-phase * synth.pick(4, 7)) * np.minimum(1, phase * 25)
    wash = unit(synth.band(synth.noise(), synth.pick(60, 120), synth.hz(400, 1100), slope=7))
    turbine = synth.tone(synth.hz(1500, 2600)) * synth.pick(0.01, 0.06)
    return np.asarray(wash * (0.04 + blade) + turbine)


@sound("car horn")
def car_horn(synth: SynthContext) -> Wave:
    """Two brassy tones a third apart, in honks."""
    low = synth.hz(340, 480)
    high, length = low * synth.pick(1.19, 1.27), synth.pick(0.25, 0.9)
    strengths = falling(20, synth.pick(2, 5))

    def honk() -> Wave:
        n = synth.samples(length * synth.pick(0.8, 1.2))
        chord = synth.buzz(low, strengths, n) + synth.buzz(high, strengths, n)
        return synth.filtered(chord, (200, -6), (1200, 0), (3000, 2), (6000, -12)) * swell(n, 0.04, 0.06)

    return synth.repeat(synth.strokes(length + synth.pick(0.1, 0.25), jitter=0.08), honk, spread_db=0.5)


@sound("siren")
def siren(synth: SynthContext) -> Wave:
    """A tone that wails up and down without a pause."""
    n = synth.num_samples
    low = synth.hz(400, 620)
    width, period = synth.pick(1.8, 2.5), synth.pick(0.4, 2.2)
    wail = low * np.exp(np.log(width) * (0.5 + 0.5 * synth.tone(1 / period, n)))
    return synth.filtered(synth.buzz(wail, falling(12, 5)), (300, -6), (1000, 0), (3000, -3), (6000, -12))


@sound("foghorn")
def foghorn(synth: SynthContext) -> Wave:
    """A very low, long, brassy blast."""
    base, length = synth.hz(75, 125), synth.pick(1.2, 2.2)

    def blast() -> Wave:
        n = synth.samples(length)
        contour = base * bend(n, [0.94, 1.0, 1.0, 1.0, 1.0, 0.95])
        brass = synth.buzz(contour, falling(30, 3)) * swell(n, 0.08, 0.1)
        return synth.formants(brass, (220, 0), (560, -4), (1200, -14), width=0.7)

    return synth.repeat(synth.strokes(length + synth.pick(0.1, 0.25)), blast, spread_db=0.5)


@sound("hand saw")
def hand_saw(synth: SynthContext) -> Wave:
    """Rasping strokes to and fro, one brighter than the other."""
    stroke, teeth = synth.pick(0.18, 0.38), synth.pick(60, 140)
    tones = (synth.hz(800, 1400), synth.hz(1700, 2800))
    top = synth.hz(3500, 6000)
    strokes = iter(range(10**6))

    def rasp() -> Wave:
        n = synth.samples(stroke * 0.85)
        speed = np.sin(np.linspace(0.15, np.pi - 0.15, n, dtype=np.float32))
        grit = synth.noise(n) * (0.35 + np.maximum(0, synth.tone(teeth * (0.4 + speed))))
        return unit(synth.band(grit, tones[next(strokes) % 2], top, slope=9)) * speed

    return synth.repeat(synth.strokes(stroke, jitter=0.03), rasp, spread_db=1)


@sound("electric drill")
def electric_drill(synth: SynthContext) -> Wave:
    """A whining motor under load."""
    n = synth.num_samples
    load = 1 + 0.12 * np.tanh(synth.wander(n, 2.5))
    motor = synth.hz(260, 400) * load
    whine = synth.buzz(motor, falling(18, 1)) * (1 + 0.4 * synth.tone(synth.pick(25, 45), n))
    gears = synth.buzz(motor * 5.33, falling(3, 6))
    grind = unit(synth.band(synth.noise(), 1500, 6000, slope=6))
    return synth.filtered(unit(whine) + 0.6 * unit(gears) + 0.35 * grind, (150, -20), (800, -3), (2500, 0), (7000, -8))


@sound("steam hiss")
def steam_hiss(synth: SynthContext) -> Wave:
    """Jets of very high noise, each let go with a puff."""
    length = synth.pick(0.3, 0.9)
    low = synth.hz(3800, 5000)

    def jet() -> Wave:
        n = synth.samples(length * synth.pick(0.8, 1.2))
        return synth.band(synth.noise(n), low, 7800, slope=24) * swell(n, 0.04, 0.5)

    return synth.repeat(synth.strokes(length * 1.15 + synth.pick(0.04, 0.12)), jet, spread_db=1)
