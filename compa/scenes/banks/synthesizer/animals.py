"""Synthetic sounds of animals."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave, bend, falling, lay, silence, swell, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("dog bark")
def dog_bark(synth: SynthContext) -> Wave:
    """Short harsh voiced bursts whose pitch jumps up and falls."""
    base, length = synth.hz(280, 560), synth.pick(0.12, 0.24)
    first, second = base * synth.pick(1.6, 2.2), synth.hz(1300, 1900)
    hoarse = synth.pick(0.15, 0.5)

    def bark() -> Wave:
        n = synth.samples(length * synth.pick(0.85, 1.2))
        contour = base * synth.pick(0.92, 1.08) * bend(n, [0.75, 1.15, 1.1, 0.85, 0.6])
        voice = unit(synth.buzz(contour, falling(30, 5))) + hoarse * synth.noise(n)
        return synth.formants(voice, (first, 0), (second, -6), (2.1 * second, -14)) * swell(n, 0.12, 0.6)

    times = synth.strokes(synth.pick(0.3, 0.55), jitter=0.15)
    if synth.rng.random() < 0.4:  # barks in pairs
        times = sorted(times[::2] + [time + 0.2 for time in times[::2]])
    return synth.repeat(times, bark)


@sound("cat meow")
def cat_meow(synth: SynthContext) -> Wave:
    """A long vowel that opens and closes while its pitch rises and falls."""
    base, length = synth.hz(600, 880), synth.pick(0.5, 0.85)
    peak = synth.pick(1.15, 1.45)

    def meow() -> Wave:
        n = synth.samples(length * synth.pick(0.9, 1.15))
        contour = base * bend(n, [0.85, peak, peak * 0.97, 0.95, 0.7])
        voice = synth.buzz(contour * (1 + 0.01 * synth.wander(n, 12)), falling(16, 4)) + 0.02 * synth.noise(n)
        closed = synth.formants(voice, (base, -6), (base * 4.2, 0))
        opened = synth.formants(voice, (base * 2.0, 0), (base * 3.2, 0))
        mouth = bend(n, [0.0, 0.35, 1.0, 0.8, 0.2])
        return (closed * (1 - mouth) + opened * mouth) * swell(n, 0.15, 0.45)

    return synth.repeat(synth.strokes(length + synth.pick(0.15, 0.4), jitter=0.08), meow)


@sound("bird chirp")
def bird_chirp(synth: SynthContext) -> Wave:
    """Fast whistled sweeps in a motif that comes again and again."""
    base = synth.hz(2400, 3800)
    motif = [
        (synth.pick(0.04, 0.11), base * synth.pick(0.75, 1.3), base * synth.pick(0.7, 1.35))
        for _ in range(synth.rng.integers(2, 5))
    ]
    gap, pause = synth.pick(0.03, 0.08), synth.pick(0.12, 0.35)
    track, time = silence(synth.num_samples), synth.rng.uniform(0, 0.08)
    while time < synth.seconds:
        for seconds, start, end in motif:
            n = synth.samples(seconds)
            chirp = synth.tone(bend(n, [start, (start + end) / 2 * 1.05, end])) * swell(n, 0.25, 0.4)
            lay(track, chirp * synth.pick(0.6, 1.0), round(time * synth.sample_rate))
            time += seconds + gap
        time += pause * synth.pick(0.8, 1.25)
    return track


@sound("cricket")
def cricket(synth: SynthContext) -> Wave:
    """Bursts of a few very short pulses of one high tone."""
    hz, pulse = synth.hz(4200, 5400), 1 / synth.pick(28, 45)
    pulses = int(synth.rng.integers(3, 7))
    n = synth.samples(pulse * 0.65)

    def burst() -> Wave:
        track = silence(synth.samples(pulse * pulses))
        for index in range(pulses):
            grain = synth.tone(hz * synth.pick(0.995, 1.005), n) * swell(n, 0.4, 0.5)
            lay(track, grain * min(1.0, 0.5 + 0.25 * index), round(index * pulse * synth.sample_rate))
        return track

    return synth.repeat(synth.strokes(pulse * pulses + synth.pick(0.1, 0.35), jitter=0.05), burst, spread_db=1)


@sound("frog croak")
def frog_croak(synth: SynthContext) -> Wave:
    """A throaty rattle: a slow train of pulses that ring in the throat."""
    low, high, length = synth.hz(420, 700), synth.hz(1100, 1600), synth.pick(0.22, 0.4)
    speed = synth.pick(45, 75)

    def croak() -> Wave:
        n = synth.samples(length * synth.pick(0.9, 1.1))
        pulses = synth.buzz(speed * bend(n, [0.85, 1.0, 1.15]), np.ones(60))
        return synth.formants(pulses, (low, 0), (high, -5), width=0.18) * swell(n, 0.35, 0.3)

    return synth.repeat(synth.strokes(length + synth.pick(0.15, 0.35), jitter=0.1), croak)


@sound("owl hoot")
def owl_hoot(synth: SynthContext) -> Wave:
    """Soft, low, almost pure hoots: a short one or two, then a long one."""
    hz = synth.hz(300, 460)
    rhythm = [(0.16, 0.24), (0.16, 0.22), (0.42, 0.62)][int(synth.rng.integers(0, 2)) :]

    def hoot(seconds: float) -> Wave:
        n = synth.samples(seconds * synth.pick(0.9, 1.1))
        contour = hz * bend(n, [0.94, 1.0, 1.0, 0.93])
        return (synth.buzz(contour, [1, 0.12, 0.04]) + 0.01 * synth.noise(n)) * swell(n, 0.3, 0.4)

    track, time = silence(synth.num_samples), synth.rng.uniform(0, 0.08)
    while time < synth.seconds:
        for seconds, until_next in rhythm:
            lay(track, hoot(seconds) * synth.pick(0.8, 1.0), round(time * synth.sample_rate))
            time += until_next * synth.pick(0.95, 1.1)
    return track


@sound("crow caw")
def crow_caw(synth: SynthContext) -> Wave:
    """Rough nasal cries with a rattle in them."""
    base, length = synth.hz(480, 680), synth.pick(0.25, 0.42)
    nose, rattle = synth.hz(1400, 1900), synth.pick(70, 110)

    def caw() -> Wave:
        n = synth.samples(length * synth.pick(0.9, 1.1))
        contour = base * bend(n, [0.9, 1.1, 1.0, 0.8]) * (1 + 0.05 * synth.wander(n, 90))
        voice = unit(synth.buzz(contour, falling(14, 1))) + 0.5 * synth.noise(n)
        rough = 1 + 0.8 * synth.tone(rattle, n)
        return synth.formants(voice * rough, (nose, 0), (1.9 * nose, -5), width=0.3) * swell(n, 0.15, 0.35)

    return synth.repeat(synth.strokes(length + synth.pick(0.15, 0.35), jitter=0.1), caw)


@sound("bee buzz")
def bee_buzz(synth: SynthContext) -> Wave:
    """A steady nasal hum that wavers as the bee flies about."""
    n = synth.num_samples
    contour = synth.hz(180, 260) * (1 + 0.05 * synth.wander(n, 5))
    hum = synth.formants(
        synth.buzz(contour, falling(24, 2)), (synth.hz(300, 420), 0), (synth.hz(1200, 1800), -6), width=0.6
    )
    return hum * (1 + 0.3 * np.tanh(synth.wander(n, 3)))


@sound("cow moo")
def cow_moo(synth: SynthContext) -> Wave:
    """A long low call that rises, stays and falls."""
    base, length = synth.hz(110, 165), synth.pick(0.9, 1.5)

    def moo() -> Wave:
        n = synth.samples(length * synth.pick(0.9, 1.1))
        contour = base * bend(n, [0.8, 1.1, 1.2, 1.15, 0.85]) * (1 + 0.01 * synth.wander(n, 20))
        voice = synth.buzz(contour, falling(30, 4))
        closed = synth.formants(voice, (base * 1.8, 0), (900, -22))
        opened = synth.formants(voice, (480, 0), (950, -5), (2400, -18))
        mouth = bend(n, [0.0, 0.4, 1.0, 0.9, 0.3])
        return (closed * (1 - mouth) + opened * mouth) * swell(n, 0.15, 0.3)

    return synth.repeat(synth.strokes(length + synth.pick(0.1, 0.3), jitter=0.05), moo)
