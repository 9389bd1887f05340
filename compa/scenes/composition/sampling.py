"""Random plans: first which sounds in which relation, then times that make the plan's claim true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from compa.audio.trim import FADE_SECONDS
from compa.scenes.attributes import all_attributes
from compa.scenes.claims import Then, Truth, While
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.plan import Plan, RelationNode, SceneNode, SnippetSpec, SoundNode, claim_of
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.timeline import Timeline, lay_out

EVENT_SECONDS = (0.4, 3.0)
"""How long a sound lasts, where its recording is long enough."""
COUNTS = (2, 3, 4)
COUNT_SECONDS, COUNT_PAUSES = (0.4, 0.7), (0.3, 0.5)
"""How long each occurrence of a repeated sound lasts, and the pauses between."""
PAUSES = (0.1, 0.8)
PROBABILITIES = {
    "cross-fade": 0.4,
    "attributes": 0.65,
    "second attribute": 0.2,
    "both mentioned": 0.7,
    "count": 0.2,
    "absent": 0.15,
}
NUM_TIME_TRIES, NUM_TRIES = 6, 30


def draw_timeline(
    preparer: SnippetPreparer, label_pairs: LabelPairs, settings: Settings, rng: np.random.Generator
) -> Timeline:
    """Draws a scene whose claim is true of its timeline.

    Raises:
        ValueError: If none can be made because the recordings are too short.
    """
    for number in range(NUM_TRIES):
        max_events = settings.max_events if number < NUM_TRIES - 5 else 1
        plan = _draw_plan(label_pairs, replace(settings, max_events=max_events), rng)
        if timeline := draw_times(plan, preparer, rng):
            return timeline
    raise ValueError(
        f"no scene of {settings.seconds:g} s can be made of {preparer.bank.name}: its recordings are too short"
    )


def draw_times(plan: Plan, preparer: SnippetPreparer, rng: np.random.Generator) -> Timeline | None:
    """Draws times for the sounds of a plan that make its claim true; None where none were found."""
    for _ in range(NUM_TIME_TRIES):
        timed = _draw_times(plan, rng)
        timeline = lay_out(timed, preparer) if timed else None
        if timeline and claim_of(timeline.plan).judge(timeline.events) is Truth.TRUE:
            return timeline
    return None


def draw_sound(label: str, rng: np.random.Generator) -> SoundNode:
    """A sound without attributes, of a recording that is drawn; its duration is still to be drawn."""
    return SoundNode(draw_spec(label, rng), 0.0)


def draw_spec(label: str, rng: np.random.Generator) -> SnippetSpec:
    """A snippet of a recording that is drawn."""
    return SnippetSpec(label, int(rng.integers(2**62)))


def draw_values(names: Iterable[str], rng: np.random.Generator) -> dict[tuple[str, str], Any]:
    """Draws the values that the words of these attributes have in a plan."""
    chosen = [all_attributes()[name] for name in names]
    return {(a.name, word): a.draw_value(word, rng) for a in chosen for word in a.words}


def _draw_plan(label_pairs: LabelPairs, settings: Settings, rng: np.random.Generator) -> Plan:
    """Everything but the times."""
    number = 1 if settings.max_events == 1 or rng.random() < 0.08 else int(rng.integers(2, settings.max_events + 1))
    is_counted = number + max(COUNTS) - 1 <= settings.max_events and rng.random() < PROBABILITIES["count"]
    labels = label_pairs.draw(number, rng)
    absent = label_pairs.draw_another(labels, rng) if rng.random() < PROBABILITIES["absent"] else None
    attribute_values = draw_values(settings.attributes, rng)
    sounds = [draw_sound(label, rng) for label in labels]
    if is_counted:
        place = int(rng.integers(len(sounds)))
        pauses = tuple(float(rng.uniform(*COUNT_PAUSES)) for _ in range(max(COUNTS) - 1))
        seconds = float(rng.uniform(*COUNT_SECONDS))
        count = int(COUNTS[int(rng.integers(len(COUNTS)))])
        sounds[place] = replace(sounds[place], count=count, pauses=pauses, seconds=seconds)
    if settings.attributes and rng.random() < PROBABILITIES["attributes"]:
        names = list(rng.permutation(settings.attributes))
        for name in names[: 1 + (rng.random() < PROBABILITIES["second attribute"])]:
            sounds = _with_attribute(sounds, str(name), rng)
    relation = Then if rng.random() < 0.5 else While
    background = None
    if settings.background:
        background = (int(rng.integers(2**62)), -float(rng.uniform(*settings.background)))
    root = _tree(sounds, relation, settings.max_depth, rng)
    return Plan(root, attribute_values, settings.seconds, float(rng.random()), absent, background)


def _with_attribute(sounds: Sequence[SoundNode], name: str, rng: np.random.Generator) -> list[SoundNode]:
    """Gives two words for an attribute to two sounds, or one to the only sound; captions mention one or both."""
    attribute = all_attributes()[name]
    free = [
        place
        for place, sound in enumerate(sounds)
        if sound.count == 1 and all(attribute.is_compatible(all_attributes()[other]) for other in sound.attributes)
    ]
    chosen = rng.permutation(free)[:2].tolist()
    if not chosen or (attribute.is_relative and len(chosen) < 2):
        return list(sounds)
    words = rng.permutation(attribute.words).tolist()
    num_mentioned = 2 if rng.random() < PROBABILITIES["both mentioned"] else 1
    changed = list(sounds)
    for number, (place, word) in enumerate(zip(chosen, words, strict=False)):
        mentioned = {name} if number < num_mentioned else set()
        sound = changed[place]
        changed[place] = replace(
            sound, attributes={**sound.attributes, name: word}, mentioned=sound.mentioned | mentioned
        )
    return changed


def _tree(
    sounds: Sequence[SoundNode], relation: type[Then] | type[While], depth: int, rng: np.random.Generator
) -> SceneNode:
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
    return RelationNode(relation, parts)


def _draw_times(plan: Plan, rng: np.random.Generator) -> Plan | None:
    """Draws a duration for every sound, and gaps and shifts for every relation; None where that takes too long."""
    low, high = _possible_seconds(plan.root, plan)
    high = min(high, plan.seconds)
    if low > high:
        return None
    return replace(plan, root=_timed(plan.root, float(rng.uniform(low, high)), plan, rng))


def _possible_seconds(node: SceneNode, plan: Plan) -> tuple[float, float]:
    """The shortest and the longest time that a node can take."""
    if isinstance(node, SoundNode):
        if node.count > 1:  # long enough for the highest count, so that the count says nothing about the other sounds
            whole = max(COUNTS) * node.seconds + sum(node.pauses)
            return whole, whole
        decided = [seconds for attribute, value in plan.values_of(node) if (seconds := attribute.seconds(value))]
        return (decided[0], decided[0]) if decided else EVENT_SECONDS
    limits = [_possible_seconds(part, plan) for part in node.parts]
    lows, highs = [low for low, _ in limits], [high for _, high in limits]
    if node.relation is While:
        return max(lows), max(max(lows), min(highs))
    pauses = PAUSES[1] * (len(limits) - 1)
    return sum(lows), sum(highs) + pauses


def _timed(node: SceneNode, seconds: float, plan: Plan, rng: np.random.Generator) -> SceneNode:
    """A node that takes about this many seconds."""
    if isinstance(node, SoundNode):
        return node if node.count > 1 else replace(node, seconds=seconds)
    number = len(node.parts)
    shifts = tuple(rng.random(number).tolist())
    gaps = tuple(
        -FADE_SECONDS if rng.random() < PROBABILITIES["cross-fade"] else float(rng.uniform(*PAUSES))
        for _ in range(number - 1)
    )
    limits = [_possible_seconds(part, plan) for part in node.parts]
    if node.relation is While:
        are_sounds = all(isinstance(part, SoundNode) for part in node.parts)
        fractions = rng.uniform(0.5 if are_sounds else 0.9, 1.0, size=number)
        fractions[int(rng.integers(number))] = 1.0
        times = [
            min(max(seconds * fraction, low), high)
            for fraction, (low, high) in zip(fractions.tolist(), limits, strict=True)
        ]
    else:
        lows = [low for low, _ in limits]
        spare = max(0.0, seconds - sum(lows) - sum(max(gap, 0.0) for gap in gaps))
        wanted = rng.random(number) * [high - low for low, high in limits]
        fraction = min(1.0, spare / max(float(wanted.sum()), 1e-9))
        times = [low + fraction * more for low, more in zip(lows, wanted.tolist(), strict=True)]
    parts = tuple(_timed(part, time, plan, rng) for part, time in zip(node.parts, times, strict=True))
    return replace(node, parts=parts, gaps=gaps, shifts=shifts)
