"""scenes-binding: which attribute belongs to which sound, or which voice to which words.

With speakers (a CSV with a column `speaker`), kinds:
    voices: "george says three, then jackson says seven" against "jackson says three, then george says seven".
    words: the same against "george says seven, then jackson says three".
A model that only recognizes words fails the first kind, one that only recognizes voices the second.

Held out: the recordings, and the pairs of speeches before and after the exchange: no training scene combines these two.
Every speaker, and every word of every speaker, occurs in training.

Without speakers, the kinds are attributes: "loud a with quiet b" against "quiet a with loud b", and so on, both at
once. Tempo is not one of them, since steady sounds have none.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, ItemSource, SceneItem, draw_item, find, planned
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.attributes import words_of
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Then, While
from compa.scenes.composition.plan import Plan, RelationNode, replace_nodes
from compa.scenes.composition.sampling import draw_sound, draw_spec, draw_values
from compa.scenes.composition.two_sounds import SCENE_SECONDS
from compa.scenes.holdout import held_out_pairs
from compa.scenes.speech import speaker_and_words, spoken_by

NAME = "scenes-binding"
VOICES, WORDS = "voices", "words"
ATTRIBUTES = ("loudness", "pitch", "duration", "distance")


def _source(bank: EventBank) -> ItemSource:
    if not any(speaker_and_words(label) for label in bank.labels):
        return planned(NAME, ATTRIBUTES, _draw_attributes, _exchange_attributes)(bank)
    held_out = held_out_pairs(bank.labels)
    pairs = [pair for pair in held_out if (twin := _exchanged(pair)) and tuple(sorted(twin)) in held_out]
    if not pairs:
        raise ValueError(
            f"{NAME} needs two speakers who say the same two words, in pairs that are held out both before and after "
            f"the exchange; {bank.name} has none among its {len(bank.labels)} labels; add speakers or words"
        )
    return ItemSource((VOICES, WORDS), pairs, _draw_speech)


def _exchanged(pair: Pair) -> Pair | None:
    """Each speaker with the other's words; None where that changes nothing."""
    speeches = [speech for label in pair if (speech := speaker_and_words(label))]
    if len(speeches) < 2 or speeches[0][0] == speeches[1][0] or speeches[0][1] == speeches[1][1]:
        return None
    (speaker, words), (other_speaker, other_words) = speeches
    return spoken_by(speaker, other_words), spoken_by(other_speaker, words)


def _draw_speech(bank: EventBank, kind: str | None, pair: Pair, rng: np.random.Generator) -> SceneItem | None:
    new = _exchanged(pair)
    assert new is not None
    new = new if kind == WORDS else new[::-1]
    sounds = tuple(draw_sound(label, rng) for label in pair)
    plan = Plan(RelationNode(Then, sounds), {}, SCENE_SECONDS, float(rng.random()))

    def edit(plan: Plan) -> Plan:
        changed = {}
        for label, new_label in zip(pair, new, strict=True):
            node = find(plan, label)
            changed[id(node)] = replace(node, spec=draw_spec(new_label, rng))
        return replace(plan, root=replace_nodes(plan.root, changed))

    return draw_item(bank, kind or "", plan, edit, rng)


def _draw_attributes(name: str, pair: Pair, _: list[str], rng: np.random.Generator) -> Plan:
    parts = tuple(
        replace(draw_sound(label, rng), attributes={name: word}, mentioned=frozenset({name}))
        for label, word in zip(pair, words_of(name), strict=True)
    )
    root = RelationNode(While, parts if rng.random() < 0.5 else parts[::-1])
    return Plan(root, draw_values((name,), rng), SCENE_SECONDS, float(rng.random()))


def _exchange_attributes(plan: Plan, _: str, pair: Pair, __: np.random.Generator) -> Plan:
    one, other = (find(plan, label) for label in pair)
    new = {id(one): replace(one, attributes=other.attributes), id(other): replace(other, attributes=one.attributes)}
    return replace(plan, root=replace_nodes(plan.root, new))


TASK = ComposedPairs(
    name=NAME,
    version=2,
    measures="Tells loud A with quiet B from quiet A with loud B, or voices from words, in unseen combinations",
    needs=f"{NEEDS}; a CSV with a column speaker binds voices to words",
    expected=NUM_ITEMS,
    source=_source,
)
