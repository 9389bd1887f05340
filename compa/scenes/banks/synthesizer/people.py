"""Synthetic sounds of people, their houses and instruments."""

from __future__ import annotations

from compa.scenes.banks.synthesizer.primitives import Take, Wave, bend, decay, falling, lay, silence, unit
from compa.scenes.banks.synthesizer.registry import sound


@sound("footsteps")
def footsteps(take: Take) -> Wave:
    """Steps: a heel's thud, then the softer scrape of the sole."""
    thud, scrape, delay = take.hz(90, 200), take.hz(600, 1900), take.pick(0.05, 0.1)
    softness, sole_level = take.pick(0.012, 0.03), take.pick(0.1, 0.4)

    def step() -> Wave:
        n = take.samples(0.3)
        heel = unit(take.formants(take.noise(n), (thud, 0), (thud * 5, -10), width=0.4)) * decay(
            n, softness * take.sample_rate
        )
        sole = unit(take.band(take.noise(n), scrape, 4000, slope=6)) * decay(n, 0.035 * take.sample_rate, attack=120)
        lay(heel, sole_level * sole, take.samples(delay))
        return heel

    return take.repeat(take.strokes(take.period(0.34, 0.62), jitter=0.04), step)


@sound("door knock")
def door_knock(take: Take) -> Wave:
    """Groups of quick hollow raps on wood."""
    wood, speed = take.hz(450, 800), take.period(0.11, 0.19)
    ratios = (1.0, take.pick(1.5, 1.8), take.pick(2.3, 2.9))

    def rap() -> Wave:
        n = take.samples(0.14)
        body = sum(take.tone(wood * ratio, n) / ratio for ratio in ratios)
        return body * decay(n, 0.018 * take.sample_rate, attack=6) + 0.4 * take.noise(n) * decay(
            n, 0.002 * take.sample_rate
        )

    raps = int(take.rng.integers(3, 6))
    groups = take.strokes(raps * speed + take.period(0.2, 0.4), jitter=0.05)
    return take.repeat([time + i * speed for time in groups for i in range(raps)], rap)


@sound("typing")
def typing(take: Take) -> Wave:
    """Irregular light key clicks, each followed by its release."""
    key, board = take.hz(1500, 3200), take.pick(0.05, 0.25)

    def press() -> Wave:
        n = take.samples(0.11)
        click = take.band(take.noise(n), key * take.pick(0.8, 1.25), 6500, slope=12) * decay(
            n, 0.004 * take.sample_rate, 4
        )
        thump = take.tone(take.pick(180, 260), n) * decay(n, 0.012 * take.sample_rate) * board
        release = click[: take.samples(0.03)] * take.pick(0.2, 0.5)
        lay(click, release, take.samples(take.pick(0.05, 0.075)))
        return click + thump

    return take.repeat(take.strokes(take.period(0.09, 0.16), jitter=0.45), press, spread_db=3)


@sound("applause")
def applause(take: Take) -> Wave:
    """Very many claps of many hands."""
    claps = round(take.pick(35, 220) * take.seconds * take.rate)
    grains = []
    for _ in range(6):
        n = take.samples(0.03)
        tone = take.hz(700, 1500)
        grains.append(
            unit(take.formants(take.noise(n), (tone, 0), (tone * 2.2, -6), width=0.5))
            * decay(n, 0.004 * take.sample_rate)
        )
    track = silence(take.num_samples)
    for time in take.rng.uniform(0, take.seconds, claps):
        lay(track, grains[take.rng.integers(6)] * take.pick(0.15, 1.0), int(time * take.sample_rate))
    return track + take.pick(0.03, 0.15) * unit(take.band(take.noise(), 600, 2500, slope=9))


@sound("heartbeat")
def heartbeat(take: Take) -> Wave:
    """Lub dub: pairs of soft low thumps."""
    low, period = take.hz(42, 80), take.period(0.5, 0.9)

    def thump(hz: float, seconds: float) -> Wave:
        n = take.samples(seconds * 6)
        return take.tone(hz * bend(n, [1.3, 1.0, 0.9, 0.85])) * decay(
            n, seconds * take.sample_rate, attack=take.samples(0.012)
        )

    track = silence(take.num_samples)
    gap = period * take.pick(0.3, 0.38)
    for time in take.strokes(period, jitter=0.02):
        lay(track, thump(low, 0.05), round(time * take.sample_rate))
        lay(track, thump(low * 1.35, 0.035) * take.pick(0.5, 0.8), round((time + gap) * take.sample_rate))
    return track + 0.002 * take.noise()


@sound("glass breaking")
def glass_breaking(take: Take) -> Wave:
    """A smash, then splinters that tinkle as they fall; and another one."""
    track = silence(take.num_samples)
    for time in take.strokes(take.period(0.9, 1.4), jitter=0.1, start=0.02):
        n = take.samples(0.25)
        smash = unit(take.band(take.noise(n), 1800, 7500, slope=9)) * decay(n, 0.035 * take.sample_rate)
        lay(track, smash * take.pick(0.7, 1.2), round(time * take.sample_rate))
        splinters = time + take.rng.exponential(0.3, take.rng.integers(25, 50)) / take.rate
        track += 0.9 * take.sparks(splinters[splinters < take.seconds], (2500, 7000), (0.008, 0.06))
    return track


@sound("drum roll")
def drum_roll(take: Take) -> Wave:
    """A snare drum struck very fast by two sticks."""
    skin, speed = take.hz(150, 280), take.period(1 / 24, 1 / 13)
    body = take.pick(0.5, 1.2)
    rattle = take.band(take.noise(take.samples(0.4)), take.hz(1200, 2200), 6500, slope=9)

    def hit() -> Wave:
        n = take.samples(0.12)
        start = int(take.rng.integers(len(rattle) - n))
        wires = rattle[start : start + n] * decay(n, 0.022 * take.sample_rate, attack=4)
        return wires + body * take.tone(skin, n) * decay(n, 0.025 * take.sample_rate, attack=10)

    return take.repeat(take.strokes(speed, jitter=0.04), hit, spread_db=1.5)


@sound("guitar strum")
def guitar_strum(take: Take) -> Wave:
    """Six strings of a chord, plucked one just after the other."""
    root = take.hz(98, 165)
    minor = take.rng.random() < 0.4
    chord = [root * 2 ** (step / 12) for step in (0, 7, 12, 15 if minor else 16, 19, 24)]
    bright = take.pick(3, 6)

    strings = []
    for hz in chord:
        n = take.samples(1.1)
        dull = take.buzz(hz, falling(8, bright + 2), n) * decay(n, 0.45 * take.sample_rate)
        sharp = take.buzz(hz, falling(36, bright), n) * decay(n, 0.09 * take.sample_rate)
        strings.append(dull + sharp)

    def strum() -> Wave:
        track, delay = silence(take.samples(1.2)), take.pick(0.007, 0.016)
        down = take.rng.random() < 0.6
        for index, string in enumerate(strings if down else strings[::-1]):
            lay(track, string * take.pick(0.7, 1.0), round(index * delay * take.sample_rate))
        return track

    strums = take.repeat(take.strokes(take.period(0.35, 0.75), jitter=0.08), strum, spread_db=1.5)
    return take.filtered(strums, (90, -18), (250, 0), (5000, 0))
