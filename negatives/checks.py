"""Checks of a candidate against its caption: small pure functions, each with a reason to refuse."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from functools import lru_cache

from negatives.words import ADJECTIVE_OF, ADVERB_OF, AUXILIARIES, DETERMINERS, PREPOSITIONS, stem, words_of

MIN_WORDS, MAX_WORDS = 3, 60
KEEP_EVENTS = frozenset(["order", "relation", "attribute-swap"])
_SEQUENCE = re.compile(r"\b(?:(after which|(?:and )?then|followed by|before|prior to)|(?:after|preceded by))\b")
_TOGETHER = re.compile(r",|\b(?:and|with|while|as)\b")
_CONNECTIVES = frozenset(["and", "while", "as", "then", "before", "after", "followed", "preceded", "prior", "which"])
_EMPTY = DETERMINERS | PREPOSITIONS | AUXILIARIES | _CONNECTIVES | {"occurs", "occur", "occurring"}
_ATTRIBUTES = frozenset(word for words in (*ADVERB_OF, *ADJECTIVE_OF) for word in words.split())

Meaning = tuple[tuple[tuple[str, ...], ...], ...]


def refuse(kind: str, candidate: str, caption: str, truths: Iterable[str], others: Iterable[str]) -> str | None:
    """The reason why a candidate is no negative of a caption, or None where nothing speaks against it.

    Args:
        kind: What the candidate claims to change.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: All texts that are true of the same clip.
        others: The negatives that the clip has already.
    """
    if has_bad_length(candidate, caption):
        return "length"
    if is_near_equal(candidate, caption):
        return "near-equal"
    if is_equivalent(candidate, caption):
        return "equivalent"
    if kind in KEEP_EVENTS and changes_events(candidate, caption):
        return "events changed"
    if any(is_equivalent(candidate, truth) for truth in truths):
        return "true of the clip"
    return "duplicate" if any(is_equivalent(candidate, other) for other in others) else None


def has_bad_length(candidate: str, caption: str) -> bool:
    """Whether a candidate is too short to say anything, or much shorter or longer than its caption."""
    length, expected = len(candidate.split()), len(caption.split())
    return not (MIN_WORDS <= length <= MAX_WORDS and expected / 2 <= length <= expected * 2)


def is_near_equal(candidate: str, caption: str) -> bool:
    """Whether two texts differ in nothing but case, punctuation, articles and the inflection of words."""
    return _stems(candidate, DETERMINERS) == _stems(caption, DETERMINERS)


def is_equivalent(candidate: str, caption: str) -> bool:
    """Whether two texts say the same in another order: "A while B" is "B while A", "A then B" is "B after A".

    Example:
        >>> is_equivalent("A dog barks while a man speaks", "A man speaking and a dog barking")
        True
        >>> is_equivalent("A dog barks then a man speaks", "A man speaks then a dog barks")
        False
    """
    return meaning(candidate) == meaning(caption)


def changes_events(candidate: str, caption: str) -> bool:
    """Whether two texts mention different things, whatever they say of when, where and how loud."""
    skipped = _EMPTY | _ATTRIBUTES
    return sorted(_stems(candidate, skipped)) != sorted(_stems(caption, skipped))


@lru_cache(maxsize=64)
def meaning(text: str) -> Meaning:
    """What happens in a text: stages in order of time, each the sorted bags of stems of what happens at once.

    Example:
        >>> meaning("A dog barks after a man speaks and rain falls")
        ((('fall', 'rain'), ('man', 'speak')), (('bark', 'dog'),))
    """
    first, *rest = _SEQUENCE.split(text.lower())
    stages = [first]
    for is_later, clause in zip(rest[::2], rest[1::2], strict=True):
        stages.insert(len(stages) - (not is_later), clause)
    bags = [[tuple(sorted(_stems(part, _EMPTY))) for part in _TOGETHER.split(stage)] for stage in stages]
    return tuple(tuple(sorted(bag for bag in stage if bag)) for stage in bags)


def _stems(text: str, skipped: Collection[str]) -> list[str]:
    return [stem(word) for word in words_of(text) if word not in skipped]
