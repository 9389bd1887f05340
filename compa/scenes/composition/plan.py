"""A plan: which sounds stand in which relation, how each is made, and the claim that this makes true."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from compa.scenes.attributes import all_attributes
from compa.scenes.attributes.attribute import Attribute
from compa.scenes.claims import Absent, All, Claim, Count, EventPattern, Has, Part, Sound, Then, While


@dataclass(frozen=True)
class SnippetSpec:
    """A piece of a recording, before any effect.

    Attributes:
        label: The label of the recording.
        number: Seeds the choice of the recording and of the place in it.
    """

    label: str
    number: int


@dataclass(frozen=True)
class SoundNode:
    """One sound, or one that occurs several times.

    Attributes:
        spec: The snippet that it is made of.
        seconds: Its duration, where no attribute decides that.
        attributes: Words by the name of their attribute, such as `loudness: quiet`.
        mentioned: Names of the attributes that captions mention.
        count: How often it occurs; captions mention it where it is more than 1.
        pauses: Seconds between the occurrences.
    """

    spec: SnippetSpec
    seconds: float
    attributes: Mapping[str, str] = field(default_factory=dict)
    mentioned: frozenset[str] = frozenset()
    count: int = 1
    pauses: tuple[float, ...] = ()

    @property
    def label(self) -> str:
        """The label of the sound."""
        return self.spec.label


@dataclass(frozen=True)
class RelationNode:
    """Parts in a relation.

    Attributes:
        relation: `Then` or `While`.
        parts: Sounds or relations.
        gaps: Under `Then`, seconds before each part but the first; below 0 they cross-fade.
        shifts: Under `While`, where each part starts within the time that it may, from 0 to 1.
    """

    relation: type[Then] | type[While]
    parts: tuple[SceneNode, ...]
    gaps: tuple[float, ...] = ()
    shifts: tuple[float, ...] = ()


SceneNode: TypeAlias = SoundNode | RelationNode


@dataclass(frozen=True)
class Plan:
    """All that decides a scene, but for the recordings.

    Attributes:
        root: The sounds and their relations.
        attribute_values: The value of each attribute's words, such as 5.2 for `("loudness", "loud")`.
        seconds: Length of the scene.
        start: Where in the time that is left the first sound starts, from 0 to 1.
        absent: A label that captions say does not occur.
        background: Seed and level in dB of a noise behind the sounds; None is silence.
    """

    root: SceneNode
    attribute_values: Mapping[tuple[str, str], Any]
    seconds: float
    start: float
    absent: str | None = None
    background: tuple[int, float] | None = None

    def values_of(self, node: SoundNode) -> Iterator[tuple[Attribute, Any]]:
        """The attributes of a sound and their values."""
        for name, word in node.attributes.items():
            yield all_attributes()[name], self.attribute_values[name, word]

    def all_values(self, attribute: Attribute) -> list[Any]:
        """The values of all words of an attribute."""
        return [self.attribute_values[attribute.name, word] for word in attribute.words]

    def seconds_of(self, node: SoundNode) -> float:
        """The duration of a sound."""
        decided = (attribute.seconds(value) for attribute, value in self.values_of(node))
        return next((seconds for seconds in decided if seconds is not None), node.seconds)

    def source_seconds(self, node: SoundNode) -> float:
        """Seconds of a recording that a sound takes."""
        seconds = self.seconds_of(node)
        for attribute, value in self.values_of(node):
            seconds *= attribute.source_factor(value)
        return seconds

    def max_source_seconds(self, node: SoundNode) -> float:
        """Seconds of a recording that a sound takes whatever its words are, so that twins share a snippet."""
        seconds = node.seconds
        factor = 1.0
        for attribute, _ in self.values_of(node):
            factor *= attribute.max_source_factor
            seconds = max(seconds, *(attribute.seconds(value) or 0.0 for value in self.all_values(attribute)))
        return seconds * factor

    def level_of(self, node: SoundNode) -> float:
        """The level of a sound in dB."""
        return sum((attribute.level_db(value) for attribute, value in self.values_of(node)), 0.0)


def sound_nodes(node: SceneNode) -> list[SoundNode]:
    """All sounds, in the order in which the plan lists them."""
    return [node] if isinstance(node, SoundNode) else [sound for part in node.parts for sound in sound_nodes(part)]


def relation_nodes(node: SceneNode) -> Iterator[RelationNode]:
    """All relations, the outermost first."""
    if isinstance(node, RelationNode):
        yield node
        for part in node.parts:
            yield from relation_nodes(part)


def replace_nodes(node: SceneNode, new: Mapping[int, SceneNode]) -> SceneNode:
    """The tree with some of its nodes, given by their `id`, replaced."""
    if id(node) in new:
        return new[id(node)]
    if isinstance(node, SoundNode):
        return node
    return replace(node, parts=tuple(replace_nodes(part, new) for part in node.parts))


def part_of(node: SceneNode) -> Part:
    """The part of a claim that a node makes true."""
    if isinstance(node, RelationNode):
        return node.relation(*map(part_of, node.parts))
    if node.count > 1:
        return Count(node.label, node.count)
    mentioned = {name: word for name, word in node.attributes.items() if name in node.mentioned}
    return Sound(node.label, **mentioned) if mentioned else node.label


def as_claim(part: Part) -> Claim:
    """A part as a whole claim."""
    return part if isinstance(part, EventPattern) else Has(part)


def claim_of(plan: Plan) -> Claim:
    """The claim that a plan makes true."""
    claim = as_claim(part_of(plan.root))
    return claim if plan.absent is None else All((claim, Absent(plan.absent)))


def depth(node: SceneNode) -> int:
    """How many relations are nested."""
    return 1 + max(map(depth, node.parts)) if isinstance(node, RelationNode) else 0
