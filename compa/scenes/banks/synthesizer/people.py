"""Synthetic sounds of people, their houses and instruments."""

from __future__ import annotations

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave, bend, decay, falling, lay, silence, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("footsteps")
def footsteps(synth: SynthContext) -> Wave:
    """Steps: a heel's thud, then the softer scrape of the sole."""
    thud, scrape, delay = synth.hz(90, 200), synth.hz(600, 1900), synth.pick(0.05, 0.1)
    softness, sole_level = synth.pick(0.012, 0.03), synth.pick(0.1, 0.4)

    def step() -> Wave:
        n = synth.samples(0.3)
        heel = unit(synth.formants(synth.noise(n), (thud, 0), (thud * 5, -10), width=0.4)) * decay(
            n, softness * synth.sample_rate
        )
        sole = unit(synth.band(synth.noise(n), scrape, 4000, slope=6)) * decay(n, 0.035 * synth.sample_rate, attack=120)
        lay(heel, sole_level * sole, synth.samples(delay))
        return heel

    return synth.repeat(synth.strokes(synth.pick(0.34, 0.62), jitter=0.04), step)


@sound("door knock")
def door_knock(synth: SynthContext) -> Wave:
    """Groups of quick hollow raps on wood."""
    wood, speed = synth.hz(450, 800), synth.pick(0.11, 0.19)
    ratios = (1.0, synth.pick(1.5, 1.8), synth.pick(2.3, 2.9))

    def rap() -> Wave:
        n = synth.samples(0.14)
        body = sum(synth.tone(wood * ratio, n) / ratio for ratio in ratios)
        return body * decay(n, 0.018 * synth.sample_rate, attack=6) + 0.4 * synth.noise(n) * decay(
            n, 0.002 * synth.sample_rate
        )

    raps = int(synth.rng.integers(3, 6))
    groups = synth.strokes(raps * speed + synth.pick(0.2, 0.4), jitter=0.05)
    return synth.repeat([time + i * speed for time in groups for i in range(raps)], rap)


@sound("typing")
def typing(synth: SynthContext) -> Wave:
    """Irregular light key clicks, each followed by its release."""
    key, board = synth.hz(1500, 3200), synth.pick(0.05, 0.25)

    def press() -> Wave:
        n = synth.samples(0.11)
        click = synth.band(synth.noise(n), key * synth.pick(0.8, 1.25), 6500, slope=12) * decay(
            n, 0.004 * synth.sample_rate, 4
        )
        thump = synth.tone(synth.pick(180, 260), n) * decay(n, 0.012 * synth.sample_rate) * board
        release = click[: synth.samples(0.03)] * synth.pick(0.2, 0.5)
        lay(click, release, synth.samples(synth.pick(0.05, 0.075)))
        return click + thump

    return synth.repeat(synth.strokes(synth.pick(0.09, 0.16), jitter=0.45), press, spread_db=3)


@sound("applause")
def applause(synth: SynthContext) -> Wave:
    """Very many claps of many hands."""
    claps = round(synth.pick(35, 220) * synth.seconds)
    grains = []
    for _ in range(6):
        n = synth.samples(0.03)
        tone = synth.hz(700, 1500)
        grains.append(
            unit(synth.formants(synth.noise(n), (tone, 0), (tone * 2.2, -6), width=0.5))
            * decay(n, 0.004 * synth.sample_rate)
        )
    track = silence(synth.num_samples)
    for time in synth.rng.uniform(0, synth.seconds, claps):
        lay(track, grains[synth.rng.integers(6)] * synth.pick(0.15, 1.0), int(time * synth.sample_rate))
    return track + synth.pick(0.03, 0.15) * unit(synth.band(synth.noise(), 600, 2500, slope=9))


@sound("heartbeat")
def heartbeat(synth: SynthContext) -> Wave:
    """Lub dub: pairs of soft low thumps."""
    low, period = synth.hz(42, 80), synth.pick(0.5, 0.9)

    def thump(hz: float, seconds: float) -> Wave:
        n = synth.samples(seconds * 6)
        return synth.tone(hz * bend(n, [1.3, 1.0, 0.9, 0.85])) * decay(
            n, seconds * synth.sample_rate, attack=synth.samples(0.012)
        )

    track = silence(synth.num_samples)
    gap = period * synth.pick(0.3, 0.38)
    for time in synth.strokes(period, jitter=0.02):
        lay(track, thump(low, 0.05), round(time * synth.sample_rate))
        lay(track, thump(low * 1.35, 0.035) * synth.pick(0.5, 0.8), round((time + gap) * synth.sample_rate))
    return track + 0.002 * synth.noise()


@sound("glass breaking")
def glass_breaking(synth: SynthContext) -> Wave:
    """A smash, then splinters that tinkle as they fall; and another one."""
    track = silence(synth.num_samples)
    for time in synth.strokes(synth.pick(0.9, 1.4), jitter=0.1, start=0.02):
        n = synth.samples(0.25)
        smash = unit(synth.band(synth.noise(n), 1800, 7500, slope=9)) * decay(n, 0.035 * synth.sample_rate)
        lay(track, smash * synth.pick(0.7, 1.2), round(time * synth.sample_rate))
        splinters = time + synth.rng.exponential(0.3, synth.rng.integers(25, 50))
        track += 0.9 * synth.sparks(splinters[splinters < synth.seconds], (2500, 7000), (0.008, 0.06))
    return track


@sound("drum roll")
def drum_roll(synth: SynthContext) -> Wave:
    """A snare drum struck very fast by two sticks."""
    skin, speed = synth.hz(150, 280), synth.pick(1 / 24, 1 / 13)
    body = synth.pick(0.5, 1.2)
    rattle = synth.band(synth.noise(synth.samples(0.4)), synth.hz(1200, 2200), 6500, slope=9)

    def hit() -> Wave:
        n = synth.samples(0.12)
        start = int(synth.rng.integers(len(rattle) - n))
        wires = rattle[start : start + n] * decay(n, 0.022 * synth.sample_rate, attack=4)
        return wires + body * synth.tone(skin, n) * decay(n, 0.025 * synth.sample_rate, attack=10)

    return synth.repeat(synth.strokes(speed, jitter=0.04), hit, spread_db=1.5)


@sound("guitar strum")
def guitar_strum(synth: SynthContext) -> Wave:
    """Six strings of a chord, plucked one just after the other."""
    root = synth.hz(98, 165)
    minor = synth.rng.random() < 0.4
    chord = [root * 2 ** (step / 12) for step in (0, 7, 12, 15 if minor else 16, 19, 24)]
    bright = synth.pick(3, 6)

    strings = []
    for hz in chord:
        n = synth.samples(1.1)
        dull = synth.buzz(hz, falling(8, bright + 2), n) * decay(n, 0.45 * synth.sample_rate)
        sharp = synth.buzz(hz, falling(36, bright), n) * decay(n, 0.09 * synth.sample_rate)
        strings.append(dull + sharp)

    def strum() -> Wave:
        track, delay = silence(synth.samples(1.2)), synth.pick(0.007, 0.016)
        down = synth.rng.random() < 0.6
        for index, string in enumerate(strings if down else strings[::-1]):
            lay(track, string * synth.pick(0.7, 1.0), round(index * delay * synth.sample_rate))
        return track

    strums = synth.repeat(synth.strokes(synth.pick(0.35, 0.75), jitter=0.08), strum, spread_db=1.5)
    return synth.filtered(strums, (90, -18), (250, 0), (5000, 0))
