"""Edits: a plan with one thing changed. Each kind maps what is said onto what could as well have been said.

So no caption gives itself away as false: an edit exchanges things that plans draw alike.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np

from compa.scenes.claims import Then, While
from compa.scenes.claims.scale import SCALES
from compa.scenes.composition.label_pairs import Company
from compa.scenes.composition.plan import Leaf, Node, Plan, exchanged, groups, leaves
from compa.scenes.composition.sampling import COUNTS
from compa.scenes.speech import speaker_and_words, spoken_by

Item = TypeVar("Item")
Edit = Callable[[Plan, Company, np.random.Generator], Plan | None]


def order(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Plays the parts of a sequence in another order; its gaps stay where they are."""
    sequences = [group for group in groups(plan.root) if group.relation is Then]
    if not sequences:
        return None
    group = _one(sequences, rng)
    places = rng.permutation(len(group.parts)).tolist()
    if places == sorted(places):
        places = places[::-1]
    return _changed(plan, {id(group): replace(group, parts=tuple(group.parts[place] for place in places))})


def relation(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Plays what was at once one after the other and the other way round, or lets two sounds of two groups swap."""
    if isinstance(plan.root, Leaf):
        return None
    nested = [group for group in groups(plan.root) if group is not plan.root]
    if nested and rng.random() < 0.5:
        group = _one(nested, rng)
        inside = leaves(group)
        outside = [leaf for leaf in leaves(plan.root) if all(leaf is not inner for inner in inside)]
        one, other = _one(inside, rng), _one(outside, rng)
        return _changed(plan, {id(one): other, id(other): one})
    return replace(plan, root=_dual(plan.root))


def attribute_swap(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Gives a trait of one sound to another that has the opposite one."""
    named = [(name, leaf) for leaf in leaves(plan.root) for name in sorted(leaf.named)]
    if not named:
        return None
    name, one = _one(named, rng)
    others = [leaf for leaf in leaves(plan.root) if leaf.traits.get(name, one.traits[name]) != one.traits[name]]
    if not others:
        return None
    other = _one(others, rng)
    return _changed(plan, {id(one): _trait_of(one, other, name), id(other): _trait_of(other, one, name)})


def attribute_change(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Turns a trait that only one sound is said to have into its opposite."""
    said = [name for leaf in leaves(plan.root) for name in leaf.named]
    lonely = [(name, leaf) for leaf in leaves(plan.root) for name in sorted(leaf.named) if said.count(name) == 1]
    if not lonely:
        return None
    name, leaf = _one(lonely, rng)
    word = SCALES[name].opposite(leaf.traits[name])
    return _changed(plan, {id(leaf): replace(leaf, traits={**leaf.traits, name: word})})


def replacement(plan: Plan, company: Company, rng: np.random.Generator) -> Plan | None:
    """Puts a sound of a label that is not heard in the place of another."""
    leaf = _one(leaves(plan.root), rng)
    labels = [label for label in company.partners(_labels_beside(plan, leaf)) if label != leaf.label]
    return _relabelled(plan, {id(leaf): _one(labels, rng)}, rng) if labels else None


def count(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Plays a sound that comes back another number of times."""
    counted = [leaf for leaf in leaves(plan.root) if leaf.count > 1]
    if not counted:
        return None
    leaf = _one(counted, rng)
    number = _one([number for number in COUNTS if number != leaf.count], rng)
    return _changed(plan, {id(leaf): replace(leaf, count=number)})


def absence(plan: Plan, _: Company, rng: np.random.Generator) -> Plan | None:
    """Lets the label that is said to be absent sound, and be absent what sounded in its place."""
    if plan.absent is None:
        return None
    leaf = _one(leaves(plan.root), rng)
    changed = _relabelled(plan, {id(leaf): plan.absent}, rng)
    return replace(changed, absent=leaf.label)


def binding(plan: Plan, company: Company, rng: np.random.Generator) -> Plan | None:
    """Lets two speakers say each other's words."""
    speeches = [(leaf, speech) for leaf in leaves(plan.root) if (speech := speaker_and_words(leaf.label))]
    pairs = [
        (one, other, spoken_by(speaker, other_words), spoken_by(other_speaker, words))
        for place, (one, (speaker, words)) in enumerate(speeches)
        for other, (other_speaker, other_words) in speeches[place + 1 :]
        if speaker != other_speaker and words != other_words
    ]
    legal = []
    for pair in pairs:
        beside = _labels_beside(plan, *pair[:2])
        if not beside & set(pair[2:]) and company.may_meet({*beside, *pair[2:]}):  # no label twice, as plans have it
            legal.append(pair)
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
"""The kinds of negatives. An edit gives None where there is nothing that it could change."""


def _changed(plan: Plan, new: Mapping[int, Node]) -> Plan:
    return replace(plan, root=exchanged(plan.root, new))


def _relabelled(plan: Plan, labels: Mapping[int, str], rng: np.random.Generator) -> Plan:
    """Other labels, with takes of their own, for some sounds given by their `id`."""
    new: dict[int, Node] = {}
    for leaf in leaves(plan.root):
        if id(leaf) in labels:
            take = replace(leaf.take, label=labels[id(leaf)], number=int(rng.integers(2**62)))
            new[id(leaf)] = replace(leaf, take=take)
    return _changed(plan, new)


def _dual(node: Node) -> Node:
    """Every sequence at once, and all that was at once in sequence."""
    if isinstance(node, Leaf):
        return node
    other = While if node.relation is Then else Then
    return replace(node, relation=other, parts=tuple(map(_dual, node.parts)))


def _trait_of(leaf: Leaf, other: Leaf, name: str) -> Leaf:
    """The leaf with one trait of the other, named as it is there."""
    named = (leaf.named - {name}) | (other.named & {name})
    return replace(leaf, traits={**leaf.traits, name: other.traits[name]}, named=named)


def _labels_beside(plan: Plan, *spoken: Leaf) -> set[str]:
    """The labels of a plan but for those of some leaves."""
    labels = {leaf.label for leaf in leaves(plan.root) if all(leaf is not one for one in spoken)}
    return labels | ({plan.absent} if plan.absent else set())


def _one(items: Sequence[Item], rng: np.random.Generator) -> Item:
    return items[int(rng.integers(len(items)))]
