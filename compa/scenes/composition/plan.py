"""A plan: which sounds stand in which relation, how each is made, and the claim that this makes true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from compa.scenes.claims import Absent, All, Claim, Count, Figure, Has, Part, Sound, Then, While

FAR_LOSS_DB = 6.0
"""A far sound is so much quieter than a near one."""


@dataclass(frozen=True)
class Take:
    """A piece of a recording, before anything is done to it.

    Attributes:
        label: What sounds.
        number: Decides the recording and the place in it.
    """

    label: str
    number: int


@dataclass(frozen=True)
class Leaf:
    """One sound, or one that comes back several times.

    Attributes:
        take: What it is made of.
        seconds: How long it lasts, where no trait decides that.
        traits: Words by the name of their scale, such as `loudness: quiet`.
        named: The traits that captions speak of.
        count: How often it sounds; captions speak of it where it is more than one.
        pauses: Seconds between the times.
    """

    take: Take
    seconds: float
    traits: Mapping[str, str] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    count: int = 1
    pauses: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """What sounds."""
        return self.take.label


@dataclass(frozen=True)
class Group:
    """Parts in a relation.

    Attributes:
        relation: `Then` or `While`.
        parts: Sounds or groups.
        gaps: Seconds before each part but the first when one comes after the other; below 0 they cross-fade.
        shifts: Where in its room each part starts when they sound at once, from 0 to 1.
    """

    relation: type[Then] | type[While]
    parts: tuple[Node, ...]
    gaps: tuple[float, ...]
    shifts: tuple[float, ...]


Node: TypeAlias = Leaf | Group


@dataclass(frozen=True)
class Plan:
    """All that decides a scene.

    Attributes:
        root: The sounds.
        amounts: What the words of scales mean here, such as 5.2 for `("loudness", "loud")`.
        seconds: Of the scene.
        start: Where in the room that is left the first sound starts, from 0 to 1.
        absent: A label that captions say is not heard.
        bed: Number and level in dB of a noise behind the sounds; None is silence.
    """

    root: Node
    amounts: Mapping[tuple[str, str], float]
    seconds: float
    start: float
    absent: str | None = None
    bed: tuple[int, float] | None = None

    def amount(self, leaf: Leaf, name: str, otherwise: float) -> float:
        """How much of an attribute a sound has."""
        return self.amounts[name, leaf.traits[name]] if name in leaf.traits else otherwise

    def seconds_of(self, leaf: Leaf) -> float:
        """How long a sound shall last."""
        return self.amount(leaf, "duration", leaf.seconds)

    def longest_of(self, leaf: Leaf) -> float:
        """How long a sound or its twin with the opposite duration can last."""
        return max(leaf.seconds, self.amounts["duration", "long"]) if "duration" in leaf.traits else leaf.seconds

    def level_of(self, leaf: Leaf) -> float:
        """The level of a sound in dB."""
        return self.amount(leaf, "loudness", 0.0) - FAR_LOSS_DB * (leaf.traits.get("distance") == "far")


def leaves(node: Node) -> list[Leaf]:
    """All sounds, in the order in which the plan names them."""
    return [node] if isinstance(node, Leaf) else [leaf for part in node.parts for leaf in leaves(part)]


def groups(node: Node) -> Iterator[Group]:
    """All groups, the outermost first."""
    if isinstance(node, Group):
        yield node
        for part in node.parts:
            yield from groups(part)


def exchanged(node: Node, new: Mapping[int, Node]) -> Node:
    """The tree with some of its nodes, given by their `id`, replaced."""
    if id(node) in new:
        return new[id(node)]
    if isinstance(node, Leaf):
        return node
    return replace(node, parts=tuple(exchanged(part, new) for part in node.parts))


def part_of(node: Node) -> Part:
    """What a node is in a claim."""
    if isinstance(node, Group):
        return node.relation(*map(part_of, node.parts))
    if node.count > 1:
        return Count(node.label, node.count)
    named = {name: word for name, word in node.traits.items() if name in node.named}
    return Sound(node.label, **named) if named else node.label


def as_claim(part: Part) -> Claim:
    """A part as a claim of its own."""
    return part if isinstance(part, Figure) else Has(part)


def claim_of(plan: Plan) -> Claim:
    """What the plan makes true."""
    claim = as_claim(part_of(plan.root))
    return claim if plan.absent is None else All((claim, Absent(plan.absent)))


def depth(node: Node) -> int:
    """How many relations stand inside each other."""
    return 1 + max(map(depth, node.parts)) if isinstance(node, Group) else 0
