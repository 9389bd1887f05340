"""Synthetic sounds of animals."""

from __future__ import annotations

import numpy as np

from compa.scenes.banks.synthesizer.primitives import Take, Wave, bend, falling, lay, silence, swell, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("dog bark")
def dog_bark(take: Take) -> Wave:
    """Short harsh voiced bursts whose pitch jumps up and falls."""
    base, length = take.hz(280, 560), take.pick(0.12, 0.24)
    first, second = base * take.pick(1.6, 2.2), take.hz(1300, 1900)
    hoarse = take.pick(0.15, 0.5)

    def bark() -> Wave:
        n = take.samples(length * take.pick(0.85, 1.2))
        contour = base * take.pick(0.92, 1.08) * bend(n, [0.75, 1.15, 1.1, 0.85, 0.6])
        voice = unit(take.buzz(contour, falling(30, 5))) + hoarse * take.noise(n)
        return take.formants(voice, (first, 0), (second, -6), (2.1 * second, -14)) * swell(n, 0.12, 0.6)

    times = take.strokes(take.period(0.3, 0.55), jitter=0.15)
    if take.rng.random() < 0.4:  # barks in pairs
        times = sorted(times[::2] + [time + 0.2 / take.rate for time in times[::2]])
    return take.repeat(times, bark)


@sound("cat meow")
def cat_meow(take: Take) -> Wave:
    """A long vowel that opens and closes while its pitch rises and falls."""
    base, length = take.hz(600, 880), take.period(0.5, 0.85)
    peak = take.pick(1.15, 1.45)

    def meow() -> Wave:
        n = take.samples(length * take.pick(0.9, 1.15))
        contour = base * bend(n, [0.85, peak, peak * 0.97, 0.95, 0.7])
        voice = take.buzz(contour * (1 + 0.01 * take.wander(n, 12)), falling(16, 4)) + 0.02 * take.noise(n)
        closed = take.formants(voice, (base, -6), (base * 4.2, 0))
        opened = take.formants(voice, (base * 2.0, 0), (base * 3.2, 0))
        mouth = bend(n, [0.0, 0.35, 1.0, 0.8, 0.2])
        return (closed * (1 - mouth) + opened * mouth) * swell(n, 0.15, 0.45)

    return take.repeat(take.strokes(length + take.period(0.15, 0.4), jitter=0.08), meow)


@sound("bird chirp")
def bird_chirp(take: Take) -> Wave:
    """Fast whistled sweeps in a motif that comes again and again."""
    base = take.hz(2400, 3800)
    motif = [
        (take.pick(0.04, 0.11), base * take.pick(0.75, 1.3), base * take.pick(0.7, 1.35))
        for _ in range(take.rng.integers(2, 5))
    ]
    gap, pause = take.period(0.03, 0.08), take.period(0.12, 0.35)
    track, time = silence(take.num_samples), take.rng.uniform(0, 0.08)
    while time < take.seconds:
        for seconds, start, end in motif:
            n = take.samples(seconds / take.rate)
            chirp = take.tone(bend(n, [start, (start + end) / 2 * 1.05, end])) * swell(n, 0.25, 0.4)
            lay(track, chirp * take.pick(0.6, 1.0), round(time * take.sample_rate))
            time += seconds / take.rate + gap
        time += pause * take.pick(0.8, 1.25)
    return track


@sound("cricket")
def cricket(take: Take) -> Wave:
    """Bursts of a few very short pulses of one high tone."""
    hz, pulse = take.hz(4200, 5400), 1 / take.pick(28, 45)
    pulses = int(take.rng.integers(3, 7))
    n = take.samples(pulse * 0.65)

    def burst() -> Wave:
        track = silence(take.samples(pulse * pulses))
        for index in range(pulses):
            grain = take.tone(hz * take.pick(0.995, 1.005), n) * swell(n, 0.4, 0.5)
            lay(track, grain * min(1.0, 0.5 + 0.25 * index), round(index * pulse * take.sample_rate))
        return track

    return take.repeat(take.strokes(pulse * pulses + take.period(0.1, 0.35), jitter=0.05), burst, spread_db=1)


@sound("frog croak")
def frog_croak(take: Take) -> Wave:
    """A throaty rattle: a slow train of pulses that ring in the throat."""
    low, high, length = take.hz(420, 700), take.hz(1100, 1600), take.period(0.22, 0.4)
    speed = take.pick(45, 75)

    def croak() -> Wave:
        n = take.samples(length * take.pick(0.9, 1.1))
        pulses = take.buzz(speed * bend(n, [0.85, 1.0, 1.15]), np.ones(60))
        return take.formants(pulses, (low, 0), (high, -5), width=0.18) * swell(n, 0.35, 0.3)

    return take.repeat(take.strokes(length + take.period(0.15, 0.35), jitter=0.1), croak)


@sound("owl hoot")
def owl_hoot(take: Take) -> Wave:
    """Soft, low, almost pure hoots: a short one or two, then a long one."""
    hz = take.hz(300, 460)
    rhythm = [(0.16, 0.24), (0.16, 0.22), (0.42, 0.62)][int(take.rng.integers(0, 2)) :]

    def hoot(seconds: float) -> Wave:
        n = take.samples(seconds / take.rate * take.pick(0.9, 1.1))
        contour = hz * bend(n, [0.94, 1.0, 1.0, 0.93])
        return (take.buzz(contour, [1, 0.12, 0.04]) + 0.01 * take.noise(n)) * swell(n, 0.3, 0.4)

    track, time = silence(take.num_samples), take.rng.uniform(0, 0.08)
    while time < take.seconds:
        for seconds, until_next in rhythm:
            lay(track, hoot(seconds) * take.pick(0.8, 1.0), round(time * take.sample_rate))
            time += until_next / take.rate * take.pick(0.95, 1.1)
    return track


@sound("crow caw")
def crow_caw(take: Take) -> Wave:
    """Rough nasal cries with a rattle in them."""
    base, length = take.hz(480, 680), take.period(0.25, 0.42)
    nose, rattle = take.hz(1400, 1900), take.pick(70, 110)

    def caw() -> Wave:
        n = take.samples(length * take.pick(0.9, 1.1))
        contour = base * bend(n, [0.9, 1.1, 1.0, 0.8]) * (1 + 0.05 * take.wander(n, 90))
        voice = unit(take.buzz(contour, falling(14, 1))) + 0.5 * take.noise(n)
        rough = 1 + 0.8 * take.tone(rattle, n)
        return take.formants(voice * rough, (nose, 0), (1.9 * nose, -5), width=0.3) * swell(n, 0.15, 0.35)

    return take.repeat(take.strokes(length + take.period(0.15, 0.35), jitter=0.1), caw)


@sound("bee buzz")
def bee_buzz(take: Take) -> Wave:
    """A steady nasal hum that wavers as the bee flies about."""
    n = take.num_samples
    contour = take.hz(180, 260) * (1 + 0.05 * take.wander(n, 5 * take.rate))
    hum = take.formants(
        take.buzz(contour, falling(24, 2)), (take.hz(300, 420), 0), (take.hz(1200, 1800), -6), width=0.6
    )
    return hum * (1 + 0.3 * np.tanh(take.wander(n, 3 * take.rate)))


@sound("cow moo")
def cow_moo(take: Take) -> Wave:
    """A long low call that rises, stays and falls."""
    base, length = take.hz(110, 165), take.period(0.9, 1.5)

    def moo() -> Wave:
        n = take.samples(length * take.pick(0.9, 1.1))
        contour = base * bend(n, [0.8, 1.1, 1.2, 1.15, 0.85]) * (1 + 0.01 * take.wander(n, 20))
        voice = take.buzz(contour, falling(30, 4))
        closed = take.formants(voice, (base * 1.8, 0), (900, -22))
        opened = take.formants(voice, (480, 0), (950, -5), (2400, -18))
        mouth = bend(n, [0.0, 0.4, 1.0, 0.9, 0.3])
        return (closed * (1 - mouth) + opened * mouth) * swell(n, 0.15, 0.3)

    return take.repeat(take.strokes(length + take.period(0.1, 0.3), jitter=0.05), moo)
