"""Random plans: first what is said of which sounds, then times that make it true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np

from compa.scenes.claims import Then, Truth, While
from compa.scenes.claims.scale import SCALES
from compa.scenes.composition.label_pairs import Company
from compa.scenes.composition.plan import Group, Leaf, Node, Plan, Take, claim_of
from compa.scenes.composition.preparation import Studio
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.timeline import Timeline, lay_out
from compa.scenes.scene import FADE_SECONDS

EVENT_SECONDS = (0.4, 3.0)
"""How long a sound lasts, where its recording lets it."""
COUNTS = (2, 3, 4)
COUNT_SECONDS, COUNT_PAUSES = (0.4, 0.7), (0.3, 0.5)
"""How long a sound that comes back lasts, and how long it is silent between."""
PAUSES = (0.1, 0.8)
AMOUNTS = {
    "loudness": ((-6.5, -4.0), (4.0, 6.5)),
    "pitch": ((-7.0, -4.5), (4.5, 7.0)),
    "rate": ((0.6, 0.7), (1.45, 1.65)),
    "duration": ((0.45, 0.65), (1.9, 2.5)),
    "distance": ((1.0, 1.0), (12.0, 20.0)),
}
"""From where to where the two words of a scale go: clear of what is unclear."""
AT_ODDS = {frozenset({"pitch", "distance"})}
"""Traits that no sound has both of: air takes what is high, so of a sound from afar more is left when it is moved down,
and it may then sound higher than before."""
SHARES = {"cross-fade": 0.4, "traits": 0.65, "second trait": 0.2, "named both": 0.7, "count": 0.2, "absent": 0.15}
TRIES_OF_TIMES, TRIES = 6, 30


def draw_timeline(studio: Studio, company: Company, settings: Settings, rng: np.random.Generator) -> Timeline:
    """Draws a scene whose claim is true of its timeline.

    Raises:
        ValueError: If nothing that is drawn can be heard as it should: the recordings are too short.
    """
    for number in range(TRIES):
        max_events = settings.max_events if number < TRIES - 5 else 1
        timeline = draw_times(_draw_what(company, replace(settings, max_events=max_events), rng), studio, rng)
        if timeline:
            return timeline
    raise ValueError(
        f"no scene of {settings.seconds:g} s can be made of {studio.bank.name}: its recordings are too short"
    )


def draw_times(plan: Plan, studio: Studio, rng: np.random.Generator) -> Timeline | None:
    """Gives the sounds of a plan times that make its claim true; None where none were found."""
    for _ in range(TRIES_OF_TIMES):
        timed = _draw_times(plan, rng)
        timeline = lay_out(timed, studio) if timed else None
        if timeline and claim_of(timeline.plan).judge(timeline.events) is Truth.TRUE:
            return timeline
    return None


def draw_amounts(names: Iterable[str], rng: np.random.Generator) -> dict[tuple[str, str], float]:
    """What the two words of each of these scales mean in a plan."""
    return {
        (name, word): float(rng.uniform(*AMOUNTS[name][end]))
        for name in names
        for end, word in enumerate((SCALES[name].low, SCALES[name].high))
    }


def _draw_what(company: Company, settings: Settings, rng: np.random.Generator) -> Plan:
    """Everything but the times."""
    number = 1 if settings.max_events == 1 or rng.random() < 0.08 else int(rng.integers(2, settings.max_events + 1))
    counted = number + max(COUNTS) - 1 <= settings.max_events and rng.random() < SHARES["count"]
    labels = company.draw(number, rng)
    absent = company.another(labels, rng) if rng.random() < SHARES["absent"] else None
    amounts = draw_amounts(settings.attributes, rng)
    sounds = [Leaf(Take(label, int(rng.integers(2**62))), 0.0) for label in labels]
    if counted:
        place = int(rng.integers(len(sounds)))
        pauses = tuple(float(rng.uniform(*COUNT_PAUSES)) for _ in range(max(COUNTS) - 1))
        seconds = float(rng.uniform(*COUNT_SECONDS))
        count = int(COUNTS[int(rng.integers(len(COUNTS)))])
        sounds[place] = replace(sounds[place], count=count, pauses=pauses, seconds=seconds)
    if settings.attributes and rng.random() < SHARES["traits"]:
        names = list(rng.permutation(settings.attributes))
        for name in names[: 1 + (rng.random() < SHARES["second trait"])]:
            sounds = _with_trait(sounds, str(name), rng)
    relation = Then if rng.random() < 0.5 else While
    bed = None
    if settings.background:
        bed = (int(rng.integers(2**62)), -float(rng.uniform(*settings.background)))
    root = _tree(sounds, relation, settings.max_depth, rng)
    return Plan(root, amounts, settings.seconds, float(rng.random()), absent, bed)


def _with_trait(sounds: Sequence[Leaf], name: str, rng: np.random.Generator) -> list[Leaf]:
    """Gives the two ends of a scale to two sounds, or one end to the only sound; captions name one or both."""
    free = [
        place
        for place, sound in enumerate(sounds)
        if sound.count == 1 and not any(frozenset({name, other}) in AT_ODDS for other in sound.traits)
    ]
    chosen = rng.permutation(free)[:2].tolist()
    if not chosen or (name == "loudness" and len(chosen) < 2):
        return list(sounds)
    words = rng.permutation([SCALES[name].low, SCALES[name].high]).tolist()
    num_named = 2 if rng.random() < SHARES["named both"] else 1
    changed = list(sounds)
    for number, (place, word) in enumerate(zip(chosen, words, strict=False)):
        named = {name} if number < num_named else set()
        sound = changed[place]
        changed[place] = replace(sound, traits={**sound.traits, name: word}, named=sound.named | named)
    return changed


def _tree(sounds: Sequence[Leaf], relation: type[Then] | type[While], depth: int, rng: np.random.Generator) -> Node:
    """A random tree whose relations alternate from level to level."""
    if len(sounds) == 1:
        return sounds[0]
    number = len(sounds) if depth == 1 else int(rng.integers(2, min(3, len(sounds)) + 1))
    cuts = sorted((rng.permutation(len(sounds) - 1)[: number - 1] + 1).tolist())
    other = While if relation is Then else Then
    parts = tuple(
        _tree(sounds[start:end], other, depth - 1, rng)
        for start, end in zip([0, *cuts], [*cuts, len(sounds)], strict=True)
    )
    return Group(relation, parts, (), ())


def _draw_times(plan: Plan, rng: np.random.Generator) -> Plan | None:
    """Gives every sound a length and every group its gaps and shifts; None where that takes too long."""
    low, high = _room(plan.root, plan)
    high = min(high, plan.seconds)
    if low > high:
        return None
    return replace(plan, root=_timed(plan.root, float(rng.uniform(low, high)), plan, rng))


def _room(node: Node, plan: Plan) -> tuple[float, float]:
    """The shortest and the longest time that a node can take."""
    if isinstance(node, Leaf):
        if node.count > 1:  # room for the highest count, so that how often says nothing about what else is there
            whole = max(COUNTS) * node.seconds + sum(node.pauses)
            return whole, whole
        low, high = EVENT_SECONDS
        if "duration" in node.traits:
            low = high = plan.seconds_of(node)
        return low, high
    rooms = [_room(part, plan) for part in node.parts]
    lows, highs = [low for low, _ in rooms], [high for _, high in rooms]
    if node.relation is While:
        return max(lows), max(max(lows), min(highs))
    pauses = PAUSES[1] * (len(rooms) - 1)
    return sum(lows), sum(highs) + pauses


def _timed(node: Node, seconds: float, plan: Plan, rng: np.random.Generator) -> Node:
    """A node that takes about so long."""
    if isinstance(node, Leaf):
        return node if node.count > 1 else replace(node, seconds=seconds)
    number = len(node.parts)
    shifts = tuple(rng.random(number).tolist())
    gaps = tuple(
        -FADE_SECONDS if rng.random() < SHARES["cross-fade"] else float(rng.uniform(*PAUSES)) for _ in range(number - 1)
    )
    rooms = [_room(part, plan) for part in node.parts]
    if node.relation is While:
        loose = all(isinstance(part, Leaf) for part in node.parts)
        shares = rng.uniform(0.5 if loose else 0.9, 1.0, size=number)
        shares[int(rng.integers(number))] = 1.0
        times = [
            min(max(seconds * share, low), high) for share, (low, high) in zip(shares.tolist(), rooms, strict=True)
        ]
    else:
        lows = [low for low, _ in rooms]
        spare = max(0.0, seconds - sum(lows) - sum(max(gap, 0.0) for gap in gaps))
        wishes = rng.random(number) * [high - low for low, high in rooms]
        share = min(1.0, spare / max(float(wishes.sum()), 1e-9))
        times = [low + share * wish for low, wish in zip(lows, wishes.tolist(), strict=True)]
    parts = tuple(_timed(part, time, plan, rng) for part, time in zip(node.parts, times, strict=True))
    return replace(node, parts=parts, gaps=gaps, shifts=shifts)
