"""Edits: a plan with one thing changed. Each kind exchanges one fact for another that is as likely in captions.

So no caption reveals that it is false: an edit exchanges things that plans draw alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from compa.scenes.attributes import words_of
from compa.scenes.claims import Then, While
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.plan import Plan, SceneNode, SoundNode, relation_nodes, replace_nodes, sound_nodes
from compa.scenes.composition.sampling import COUNTS, draw_spec
from compa.scenes.speech import speaker_and_words, spoken_by

Item = TypeVar("Item")
Edit = Callable[[Plan, LabelPairs, np.random.Generator], Plan | None]
"""Changes one thing of a plan; None where there is nothing that it could change."""


def order(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Plays the parts of a sequence in another order; the gaps stay."""
    sequences = [node for node in relation_nodes(plan.root) if node.relation is Then]
    if not sequences:
        return None
    sequence = _one(sequences, rng)
    places = rng.permutation(len(sequence.parts)).tolist()
    if places == sorted(places):
        places = places[::-1]
    return _changed(plan, {id(sequence): replace(sequence, parts=tuple(sequence.parts[place] for place in places))})


def relation(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Exchanges `Then` and `While` everywhere, or two sounds of different parts."""
    if isinstance(plan.root, SoundNode):
        return None
    nested = [node for node in relation_nodes(plan.root) if node is not plan.root]
    if nested and rng.random() < 0.5:
        inside = sound_nodes(_one(nested, rng))
        outside = [sound for sound in sound_nodes(plan.root) if all(sound is not inner for inner in inside)]
        one, other = _one(inside, rng), _one(outside, rng)
        return _changed(plan, {id(one): other, id(other): one})
    return replace(plan, root=_dual(plan.root))


def attribute_swap(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Exchanges the words for an attribute between two sounds."""
    mentioned = _mentioned(plan)
    if not mentioned:
        return None
    name, one = _one(mentioned, rng)
    others = [
        sound for sound in sound_nodes(plan.root) if sound.attributes.get(name) not in (None, one.attributes[name])
    ]
    if not others:
        return None
    other = _one(others, rng)
    return _changed(plan, {id(one): _with_word_of(one, other, name), id(other): _with_word_of(other, one, name)})


def attribute_change(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Changes the word for an attribute that captions mention of one sound only."""
    mentioned = _mentioned(plan)
    names = [name for name, _ in mentioned]
    alone = [(name, sound) for name, sound in mentioned if names.count(name) == 1]
    if not alone:
        return None
    name, sound = _one(alone, rng)
    word = _one([word for word in words_of(name) if word != sound.attributes[name]], rng)
    return _changed(plan, {id(sound): replace(sound, attributes={**sound.attributes, name: word})})


def replacement(plan: Plan, label_pairs: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Replaces a sound by one of a label that does not occur."""
    sound = _one(sound_nodes(plan.root), rng)
    labels = [label for label in label_pairs.compatible_labels(_other_labels(plan, sound)) if label != sound.label]
    return _relabelled(plan, {id(sound): _one(labels, rng)}, rng) if labels else None


def count(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Changes how often a repeated sound occurs."""
    counted = [sound for sound in sound_nodes(plan.root) if sound.count > 1]
    if not counted:
        return None
    sound = _one(counted, rng)
    number = _one([number for number in COUNTS if number != sound.count], rng)
    return _changed(plan, {id(sound): replace(sound, count=number)})


def absence(plan: Plan, _: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Exchanges the label that captions say is absent with one that occurs."""
    if plan.absent is None:
        return None
    sound = _one(sound_nodes(plan.root), rng)
    return replace(_relabelled(plan, {id(sound): plan.absent}, rng), absent=sound.label)


def binding(plan: Plan, label_pairs: LabelPairs, rng: np.random.Generator) -> Plan | None:
    """Exchanges the words of two speakers."""
    speeches = [(sound, speech) for sound in sound_nodes(plan.root) if (speech := speaker_and_words(sound.label))]
    pairs = [
        (one, other, spoken_by(speaker, other_words), spoken_by(other_speaker, words))
        for place, (one, (speaker, words)) in enumerate(speeches)
        for other, (other_speaker, other_words) in speeches[place + 1 :]
        if speaker != other_speaker and words != other_words
    ]
    legal = []
    for one, other, label, other_label in pairs:
        beside = _other_labels(plan, one, other)
        is_new = not beside & {label, other_label}  # no label occurs twice, as in drawn plans
        if is_new and label_pairs.all_allowed({*beside, label, other_label}):
            legal.append((one, other, label, other_label))
    if not legal:
        return None
    one, other, label, other_label = _one(legal, rng)
    return _relabelled(plan, {id(one): label, id(other): other_label}, rng)


EDITS: dict[str, Edit] = {
    "order": order,
    "relation": relation,
    "attribute-swap": attribute_swap,
    "attribute-change": attribute_change,
    "replacement": replacement,
    "count": count,
    "absence": absence,
    "binding": binding,
}
"""The edits by kind of negative."""


def _changed(plan: Plan, new: Mapping[int, SceneNode]) -> Plan:
    return replace(plan, root=replace_nodes(plan.root, new))


def _relabelled(plan: Plan, labels: Mapping[int, str], rng: np.random.Generator) -> Plan:
    """Other labels, with recordings of their own, for some sounds given by their `id`."""
    new: dict[int, SceneNode] = {
        id(sound): replace(sound, spec=draw_spec(labels[id(sound)], rng))
        for sound in sound_nodes(plan.root)
        if id(sound) in labels
    }
    return _changed(plan, new)


def _dual(node: SceneNode) -> SceneNode:
    """Every `Then` as a `While`, and every `While` as a `Then`."""
    if isinstance(node, SoundNode):
        return node
    other = While if node.relation is Then else Then
    return replace(node, relation=other, parts=tuple(map(_dual, node.parts)))


def _mentioned(plan: Plan) -> list[tuple[str, SoundNode]]:
    """Each attribute that captions mention, with its sound."""
    return [(name, sound) for sound in sound_nodes(plan.root) for name in sorted(sound.mentioned)]


def _with_word_of(sound: SoundNode, other: SoundNode, name: str) -> SoundNode:
    """The sound with the other's word for an attribute, mentioned where the other's was."""
    mentioned = (sound.mentioned - {name}) | (other.mentioned & {name})
    return replace(sound, attributes={**sound.attributes, name: other.attributes[name]}, mentioned=mentioned)


def _other_labels(plan: Plan, *sounds: SoundNode) -> set[str]:
    """The labels of a plan but for those of some sounds."""
    labels = {sound.label for sound in sound_nodes(plan.root) if all(sound is not one for one in sounds)}
    return labels | ({plan.absent} if plan.absent else set())


def _one(items: Sequence[Item], rng: np.random.Generator) -> Item:
    return items[int(rng.integers(len(items)))]
