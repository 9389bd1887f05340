"""What else is true of a scene, from its parts; and what is false of it, from edits of its plan."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import numpy as np

from compa.manifest import POSITIVE_LEVELS, Negative, Positive
from compa.scenes.captions import Grammar
from compa.scenes.claims import Absent, Claim, Has, Louder, Sound, Truth
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.label_pairs import Company
from compa.scenes.composition.plan import Group, Node, as_claim, claim_of, leaves, part_of
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.timeline import Timeline

GENERATOR = "scenes"
MAX_ROUNDS = 12


def positives(
    timeline: Timeline, caption: str, settings: Settings, grammar: Grammar, rng: np.random.Generator
) -> tuple[Positive, ...]:
    """True texts of several levels, which take turns from a random one on."""
    found: dict[str, Positive] = {}
    choices = {level: list(_candidates(level, timeline)) for level in POSITIVE_LEVELS}
    levels = [str(level) for level in rng.permutation(POSITIVE_LEVELS)]
    for number, level in enumerate(cycle(levels)):
        if len(found) == settings.positives or number == MAX_ROUNDS * len(POSITIVE_LEVELS):
            break
        if not choices[level]:
            continue
        claim = choices[level][int(rng.integers(len(choices[level])))]
        text = grammar.say(claim, rng)
        if text != caption and text not in found and claim.judge(timeline.events) is Truth.TRUE:
            found[text] = Positive(text, level, of=0, claim=str(claim))
    return tuple(found.values())


def negatives(
    timeline: Timeline,
    twin: tuple[str, Claim] | None,
    company: Company,
    settings: Settings,
    grammar: Grammar,
    rng: np.random.Generator,
) -> tuple[Negative, ...]:
    """False texts: first the twin's claim, then other edits, kind by kind from a random one on."""
    own = str(claim_of(timeline.plan))
    found: dict[str, tuple[str, Claim]] = {str(twin[1]): twin} if twin else {}
    kinds = [str(kind) for kind in rng.permutation(settings.kinds)]
    for number, kind in enumerate(cycle(kinds)):
        if len(found) >= settings.negatives or number == MAX_ROUNDS * len(kinds):
            break
        plan = EDITS[kind](timeline.plan, company, rng)
        claim = claim_of(plan) if plan else None
        if claim and str(claim) != own and claim.judge(timeline.events) is Truth.FALSE:
            found.setdefault(str(claim), (kind, claim))
    return tuple(
        Negative(grammar.say(claim, rng), kind, GENERATOR, of=0, claim=str(claim)) for kind, claim in found.values()
    )


def _candidates(level: str, timeline: Timeline) -> Iterator[Claim]:
    """Claims of a level that are probably true."""
    plan = timeline.plan
    sounds = leaves(plan.root)
    if level == "paraphrase":
        yield claim_of(plan)
    elif level == "event":
        yield from (Has(sound.label) for sound in sounds)
    elif level == "sub-scene":
        for size in range(2, len(sounds)):
            for start in range(len(sounds)):
                kept = {id(sounds[(start + step) % len(sounds)]) for step in range(size)}
                smaller = _only(plan.root, kept)
                assert smaller is not None
                yield as_claim(part_of(smaller))
    else:
        for sound in sounds:
            yield from (Sound(sound.label, **{name: word}) for name, word in sound.traits.items() if sound.count == 1)
        if any("loudness" in sound.traits or "distance" in sound.traits for sound in sounds):
            yield from (
                Louder(a.label, b.label)
                for a in sounds
                for b in sounds
                if a is not b and plan.level_of(a) > plan.level_of(b)
            )
        spoken = {
            (name, str(event.attributes[name]))
            for event in timeline.events
            for name in ("speaker", "says")
            if name in event.attributes
        }
        yield from (Sound(**{name: word}) for name, word in sorted(spoken))
        if plan.absent:
            yield Absent(plan.absent)


def _only(node: Node, kept: set[int]) -> Node | None:
    """The tree with some of its sounds only, given by their `id`."""
    if not isinstance(node, Group):
        return node if id(node) in kept else None
    parts = tuple(part for part in (_only(part, kept) for part in node.parts) if part is not None)
    return Group(node.relation, parts, (), ()) if len(parts) > 1 else parts[0] if parts else None
