"""Further texts about a scene: what else is true of it, from its parts, and what is false, from edits of its plan."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import cycle

import numpy as np

from compa.manifest import POSITIVE_LEVELS, Negative, Positive
from compa.scenes.attributes import all_attributes
from compa.scenes.captions import render_caption
from compa.scenes.claims import Absent, Claim, Has, Louder, Sound, Truth
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.plan import RelationNode, SceneNode, as_claim, claim_of, part_of, sound_nodes
from compa.scenes.composition.timeline import Timeline

GENERATOR = "scenes"
MAX_ROUNDS = 12


def positives(timeline: Timeline, caption: str, number: int, rng: np.random.Generator) -> tuple[Positive, ...]:
    """True texts of several levels, which take turns from a random one on: at most `number`, none like the caption."""
    found: dict[str, Positive] = {}
    choices = {level: list(_candidates(level, timeline)) for level in POSITIVE_LEVELS}
    levels = [str(level) for level in rng.permutation(POSITIVE_LEVELS)]
    for turn, level in enumerate(cycle(levels)):
        if len(found) == number or turn == MAX_ROUNDS * len(POSITIVE_LEVELS):
            break
        if not choices[level]:
            continue
        claim = choices[level][int(rng.integers(len(choices[level])))]
        text = render_caption(claim, rng)
        if text != caption and text not in found and claim.judge(timeline.events) is Truth.TRUE:
            found[text] = Positive(text, level, of=0, claim=str(claim))
    return tuple(found.values())


def negatives(
    timeline: Timeline,
    twin: tuple[str, Claim] | None,
    label_pairs: LabelPairs,
    kinds: Sequence[str],
    number: int,
    rng: np.random.Generator,
) -> tuple[Negative, ...]:
    """False texts: first the twin's claim, of its kind, then edits, kind by kind from a random one on."""
    own = str(claim_of(timeline.plan))
    found: dict[str, tuple[str, Claim]] = {str(twin[1]): twin} if twin else {}
    turns = [str(kind) for kind in rng.permutation(kinds)]
    for turn, kind in enumerate(cycle(turns)):
        if len(found) >= number or turn == MAX_ROUNDS * len(turns):
            break
        plan = EDITS[kind](timeline.plan, label_pairs, rng)
        claim = claim_of(plan) if plan else None
        if claim and str(claim) != own and claim.judge(timeline.events) is Truth.FALSE:
            found.setdefault(str(claim), (kind, claim))
    return tuple(
        Negative(render_caption(claim, rng), kind, GENERATOR, of=0, claim=str(claim)) for kind, claim in found.values()
    )


def _candidates(level: str, timeline: Timeline) -> Iterator[Claim]:
    """Claims of a level that are probably true."""
    sounds = sound_nodes(timeline.plan.root)
    if level == "paraphrase":
        yield claim_of(timeline.plan)
    elif level == "event":
        yield from (Has(sound.label) for sound in sounds)
    elif level == "sub-scene":
        for size in range(2, len(sounds)):
            for start in range(len(sounds)):
                kept = {id(sounds[(start + step) % len(sounds)]) for step in range(size)}
                smaller = _only(timeline.plan.root, kept)
                assert smaller is not None
                yield as_claim(part_of(smaller))
    elif level == "attribute":
        yield from _attribute_claims(timeline)


def _attribute_claims(timeline: Timeline) -> Iterator[Claim]:
    """Claims about attributes of single sounds, levels, and absence."""
    plan = timeline.plan
    sounds = sound_nodes(plan.root)
    for sound in sounds:
        yield from (Sound(sound.label, **{name: word}) for name, word in sound.attributes.items() if sound.count == 1)
    yield from (
        Louder(a.label, b.label) for a in sounds for b in sounds if a is not b and plan.level_of(a) > plan.level_of(b)
    )
    recorded = {
        (name, str(event.attributes[name]))
        for event in timeline.events
        for name, attribute in all_attributes().items()
        if attribute.templates_without_label and name in event.attributes
    }
    yield from (Sound(**{name: word}) for name, word in sorted(recorded))
    if plan.absent:
        yield Absent(plan.absent)


def _only(node: SceneNode, kept: set[int]) -> SceneNode | None:
    """The tree with some of its sounds only, given by their `id`."""
    if not isinstance(node, RelationNode):
        return node if id(node) in kept else None
    parts = tuple(part for part in (_only(part, kept) for part in node.parts) if part is not None)
    return RelationNode(node.relation, parts) if len(parts) > 1 else parts[0] if parts else None
