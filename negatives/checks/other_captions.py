"""Checks a negative against the other captions of its clip.

A clip has several captions, and what is false of one may be what another one says: the clip of "A man talks while wind
blows" may have the caption "Wind blows and a woman is speaking", too. So a negative is refused if what it changed is
said by another caption, or if another caption leaves it open ("people talk").
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

from negatives.language.concepts import KNOWN, attributes, concept, generalizations
from negatives.language.inflection import (
    ATTRIBUTES,
    BASE_OF_SINGULAR,
    COUNTABLE,
    COUNTS,
    DENIALS,
    FILLERS,
    LEXICON,
    PLURALS,
    SINGULAR_OF,
    is_plural,
    stem,
)
from negatives.language.segments import SIMULTANEOUS, segments

_SEVERAL, _MANY = (2, math.inf), (3, math.inf)
_BOUNDS: dict[str, tuple[float, float]] = {
    **dict.fromkeys(("a", "an", "one", "single"), (1, 1)),
    **{word: (number, number) for word, number in LEXICON["numbers"].items()},
    **dict.fromkeys(("some", "few", "various", "group", "crowd", "flock", "herd"), _SEVERAL),
    **dict.fromkeys(("several", "multiple", "many", "numerous", "series"), _MANY),
    "couple": (2, 2),
}
"""At least and at most how many a word before a noun says there are."""
_TIMES = [
    (_MANY if number == len(LEXICON["times"]) else (number, number), phrases)
    for number, phrases in enumerate(LEXICON["times"], start=1)
]
SAID = "said by another caption"
LEFT_OPEN = "left open by another caption"
NOTHING_NEW = "names nothing new"
_UNNAMED = FILLERS | COUNTS | DENIALS | ATTRIBUTES
"""Words that name neither a source nor an action."""


class Mention(NamedTuple):
    """Something that a text names, and whether there are several of it."""

    concept: str
    is_plural: bool


class Amount(NamedTuple):
    """How many of something there are, at least and at most."""

    concept: str
    low: float
    high: float

    def agrees(self, other: Amount) -> bool:
        """Whether both can be true of the same things."""
        same = self.concept in generalizations(other.concept) or other.concept in generalizations(self.concept)
        return same and self.low <= other.high and other.low <= self.high


@dataclass(frozen=True)
class Statement:
    """What a text says between two connectives.

    Attributes:
        stage: Place in time; see `Segment`.
        is_simultaneous: Whether its connective states that it happens at the same time as what is mentioned before.
        words: Its words, without those that deny something and what follows them.
    """

    stage: int
    is_simultaneous: bool
    words: tuple[str, ...]

    @cached_property
    def mentions(self) -> tuple[Mention, ...]:
        """The sources and actions that it names."""
        return tuple(mention for word in self.words if (mention := _mention(word)))

    @cached_property
    def concepts(self) -> frozenset[str]:
        """What it names, whether one or several."""
        return frozenset(mention.concept for mention in self.mentions)

    @cached_property
    def attributes(self) -> frozenset[str]:
        """The attributes that it gives."""
        return attributes(" ".join(self.words))

    @cached_property
    def amounts(self) -> tuple[Amount, ...]:
        """How many there are, and how often something happens."""
        return tuple(_amounts(self.words))


class OtherCaptions:
    """What is known to be true of a clip beside the caption that negatives are made from.

    Args:
        caption: The caption.
        others: The other texts that are true of the clip.
    """

    def __init__(self, caption: str, others: Sequence[str]) -> None:
        self._caption, self._texts = caption, others
        self._own = statements(caption)
        self._mentions = [mention for statement in self._own for mention in statement.mentions]
        self._concepts = {mention.concept for mention in self._mentions}

    def refuse(self, kind: str, candidate: str) -> str | None:
        """The reason why a negative is not certainly false of the clip, or None.

        Args:
            kind: Its kind.
            candidate: Its text.
        """
        made = statements(candidate)
        concepts = {mention.concept for statement in made for mention in statement.mentions}
        new, removed = concepts - self._concepts, self._concepts - concepts
        if kind == "replacement" and all(any(name in generalizations(old) for old in removed) for name in new):
            return NOTHING_NEW
        if not self._texts:
            return None
        if any(self._names(name) for name in new):
            return SAID
        if kind == "attribute-change":
            is_said = self._shares_a_new_word(candidate) or self._gives_the_same_attribute(made)
        elif kind == "count":
            is_said = self._counts_the_same(made)
        elif kind in ("binding", "attribute-swap"):
            is_said = self._repeats_a_statement(made, kind == "attribute-swap")
        else:
            is_said = kind in ("order", "relation") and self._orders_the_same(made)
        if is_said:
            return SAID
        return LEFT_OPEN if any(self._may_mean(name) for name in new) else None

    @cached_property
    def _true(self) -> list[Statement]:
        return [statement for text in self._texts for statement in statements(text)]

    @cached_property
    def _unexplained(self) -> set[str]:
        """What others name, without what the caption names: "an animal" is its dog, "animals" are more than that."""
        return {
            other.concept
            for other in {mention for statement in self._true for mention in statement.mentions}
            if sum(1 + own.is_plural for own in self._mentions if other.concept in generalizations(own.concept))
            < 1 + other.is_plural
        }

    def _names(self, name: str) -> bool:
        """Whether others name something, or a special case of it: "dog" for "animal"."""
        return any(name in statement.concepts for statement in self._true) or any(
            name in generalizations(other) for other in self._unexplained
        )

    def _may_mean(self, name: str) -> bool:
        """Whether others may mean something by a general word: "people" for "woman"."""
        return not self._unexplained.isdisjoint(generalizations(name))

    def _shares_a_new_word(self, candidate: str) -> bool:
        """Whether others have one of the words that a negative has and its caption has not."""
        new = _stems(candidate) - _stems(self._caption)
        return any(not new.isdisjoint(_stems(other)) for other in self._texts)

    def _gives_the_same_attribute(self, made: Iterable[Statement]) -> bool:
        """Whether others give a new attribute to the same thing, maybe in other words."""
        before = {name for statement in self._own for name in statement.attributes}
        return any(
            not (statement.attributes - before).isdisjoint(other.attributes)
            and not statement.concepts.isdisjoint(other.concepts)
            for statement in made
            for other in self._true
        )

    def _counts_the_same(self, made: Iterable[Statement]) -> bool:
        """Whether others count as a new number says, and not as the caption does."""
        before = [amount for statement in self._own for amount in statement.amounts]
        return any(
            amount.agrees(known)
            and not any(old.agrees(known) for old in before)
            and (amount.concept == known.concept or not statement.concepts.isdisjoint(other.concepts))
            for statement in made
            for amount in statement.amounts
            if amount not in before
            for other in self._true
            for known in other.amounts
        )

    def _repeats_a_statement(self, made: Iterable[Statement], with_attributes: bool) -> bool:
        """Whether others have all that one of the new statements has."""
        return any(
            _says(self._true, statement) and not _says(self._own, statement)
            for statement in made
            if (statement.attributes if with_attributes else len(statement.concepts) > 1)
        )

    def _orders_the_same(self, made: Sequence[Statement]) -> bool:
        """Whether others relate two things in time as the negative does and its caption does not."""
        true = [relation for text in self._texts for relation in _relations(statements(text))]
        return any(
            relation == other_relation and _is_similar(first, other_first) and _is_similar(second, other_second)
            for first, relation, second in set(_relations(made)) - set(_relations(self._own))
            for other_first, other_relation, other_second in true
        )


@lru_cache(maxsize=256)
def statements(text: str) -> tuple[Statement, ...]:
    """What a text states, in order of time; what it denies ("without ...") is left out."""
    return tuple(
        Statement(
            segment.stage,
            segment.connective in SIMULTANEOUS,
            tuple(itertools.takewhile(lambda word: word not in DENIALS, segment.words)),
        )
        for segment in segments(text)
    )


@lru_cache(maxsize=1 << 15)
def _mention(word: str) -> Mention | None:
    name = concept(word)
    if name not in KNOWN and word in _UNNAMED:
        return None
    return Mention(name, word in PLURALS or (is_plural(word) and word not in BASE_OF_SINGULAR))


def _amounts(words: Sequence[str]) -> Iterator[Amount]:
    text = f" {' '.join(words)} "
    for bounds, phrases in _TIMES:
        if any(f" {phrase} " in text for phrase in phrases):
            yield Amount("time", *bounds)
    for i, word in enumerate(words):
        one = SINGULAR_OF.get(word) or (word[:-1] if is_plural(word) else word)
        before = reversed(words[max(i - 3, 0) : i])
        given = next((_BOUNDS[other] for other in before if other in _BOUNDS), None)
        if one in COUNTABLE and one != word:
            yield Amount(concept(word), *(given if given and given[0] > 1 else _SEVERAL))
        elif one in COUNTABLE and given:
            yield Amount(concept(word), *given)


Relation = tuple[frozenset[str], str, frozenset[str]]


def _relations(statements: Sequence[Statement]) -> Iterator[Relation]:
    """What is stated of the time of every two statements: one before the other, or at the same time."""
    for i, first in enumerate(statements):
        for second in statements[i + 1 :]:
            if first.concepts and second.concepts and not _is_similar(first.concepts, second.concepts):
                if first.stage < second.stage:
                    yield first.concepts, "before", second.concepts
                elif second.is_simultaneous:
                    yield first.concepts, "while", second.concepts
                    yield second.concepts, "while", first.concepts


def _is_similar(first: frozenset[str], second: frozenset[str]) -> bool:
    """Whether one of two sets of concepts has all that the other has, maybe more general."""
    small, large = sorted((first, second), key=len)
    return all(
        any(name in generalizations(other) or other in generalizations(name) for other in large) for name in small
    )


def _says(known: Iterable[Statement], what: Statement) -> bool:
    return any(what.concepts <= other.concepts and what.attributes <= other.attributes for other in known)


def _stems(text: str) -> set[str]:
    return {stem(word) for segment in segments(text) for word in segment.words if word not in FILLERS}
