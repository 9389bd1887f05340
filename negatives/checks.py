"""Checks of a candidate against its caption: small pure functions, each with a reason to refuse."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from negatives.grammar import words_of
from negatives.words import ADVERB_OF, AUXILIARIES, DETERMINERS, FURTHER_ADVERBS, PREPOSITIONS, stem

MIN_WORDS, MAX_WORDS = 3, 60
_KEEPS_EVENTS = ("order", "relation", "attribute-swap")
_CONNECTIVES = frozenset("and with while as then before after followed by preceded prior to which".split())
_SKIPPED = DETERMINERS | PREPOSITIONS | AUXILIARIES | _CONNECTIVES | {"occur", "happen"}
_SCALED = frozenset(word for adverb in (*ADVERB_OF, *ADVERB_OF.values(), *FURTHER_ADVERBS) for word in adverb.split())
_SEQUENCE = re.compile(r"\b(?:(after which|(?:and )?then|followed by|before|prior to)|(after|preceded by))\b")
_TOGETHER = re.compile(r",|\b(?:and|with|while|as)\b")

Meaning = tuple[tuple[tuple[str, ...], ...], ...]


def refuse(kind: str, candidate: str, caption: str, truths: Iterable[str], others: Iterable[str]) -> str | None:
    """The reason why a candidate is no negative of a caption, or None where nothing speaks against it.

    Args:
        kind: What the candidate claims to change.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: Further texts that are true of the same clip.
        others: The negatives that the clip has already.
    """
    for reason, speaks_against in CHECKS.items():
        if speaks_against(candidate, caption):
            return reason
    if kind in _KEEPS_EVENTS and changes_events(candidate, caption):
        return "events changed"
    if any(is_near_equal(candidate, truth) or is_equivalent(candidate, truth) for truth in truths):
        return "true of the clip"
    if any(is_near_equal(candidate, other) or is_equivalent(candidate, other) for other in others):
        return "duplicate"
    return None


def is_near_equal(candidate: str, caption: str) -> bool:
    """Whether two texts differ in nothing but case, punctuation, articles and the inflection of words."""
    return _stems(candidate) == _stems(caption)


def is_equivalent(candidate: str, caption: str) -> bool:
    """Whether two texts say the same in another order of words: "A while B" and "B while A", "A then B" and "B after A".

    Example:
        >>> is_equivalent("A dog barks while a man speaks", "A man speaks while a dog barks")
        True
        >>> is_equivalent("A dog barks then a man speaks", "A man speaks then a dog barks")
        False
    """
    return meaning(candidate) == meaning(caption)


def changes_events(candidate: str, caption: str) -> bool:
    """Whether the texts mention different things; words of time, and attributes' forms ("distant"), do not count."""
    return _events(candidate) != _events(caption)


def has_bad_length(candidate: str, caption: str) -> bool:
    """Whether a candidate is too short to say anything, or much longer or shorter than its caption."""
    length, expected = len(candidate.split()), len(caption.split())
    return not (MIN_WORDS <= length <= MAX_WORDS and expected / 2 <= length <= 2 * expected)


def meaning(text: str) -> Meaning:
    """What happens in a text: stages in order of time, each the sorted bags of stems of what happens at once.

    Example:
        >>> meaning("A dog barks after a man speaks and rain falls")
        ((('man', 'speak'), ('fall', 'rain')), (('bark', 'dog'),))
    """
    first, *rest = _SEQUENCE.split(text.lower())
    stages = [first]
    for forwards, _backwards, clause in zip(rest[0::3], rest[1::3], rest[2::3], strict=True):
        stages.insert(len(stages) if forwards else len(stages) - 1, clause)
    bags = [[tuple(sorted(_content(part))) for part in _TOGETHER.split(stage)] for stage in stages]
    return tuple(tuple(sorted(bag for bag in stage if bag)) for stage in bags)


def _stems(text: str) -> list[str]:
    return [stem(word) for word in words_of(text) if word not in DETERMINERS]


def _content(text: str) -> list[str]:
    return [stem(word) for word in words_of(text) if word not in _SKIPPED]


def _events(text: str) -> list[str]:
    return sorted(stem(word) for word in words_of(text) if word not in _SKIPPED | _SCALED)


CHECKS: dict[str, Callable[[str, str], bool]] = {
    "near-equal": is_near_equal,
    "equivalent": is_equivalent,
    "length": has_bad_length,
}
