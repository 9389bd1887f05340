"""Checks of a candidate against the caption that it was made from."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from negatives.language.inflection import (
    ARTICLES,
    ATTRIBUTES,
    COUNTS,
    DENIALS,
    FILLERS,
    LEXICON,
    is_event,
    stem,
)
from negatives.language.segments import segments, tokens

MIN_WORDS, MAX_WORDS, FEW_WORDS = 3, 60, 3
KEEP_EVENTS = frozenset(["order", "relation", "attribute-swap", "attribute-change", "count", "binding"])
_LEAKED = frozenset(LEXICON["leaked"].split())
_NO_PROSE = re.compile(r"[`{}<>\[\]|\\]")
_EMPTY = FILLERS - COUNTS - DENIALS
_EMPTY_OR_ATTRIBUTES = FILLERS | COUNTS | DENIALS | ATTRIBUTES
_ASCII = frozenset(map(chr, range(128)))
_KNOWN = _EMPTY_OR_ATTRIBUTES | frozenset(LEXICON["countable"].split())

Meaning = tuple[tuple[tuple[str, ...], ...], ...]


def refuse(
    kind: str, candidate: str, caption: str, truths: Collection[Meaning], others: Collection[Meaning]
) -> str | None:
    """The reason why a candidate cannot be a negative of a caption, or None.

    Args:
        kind: What the candidate claims to change.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: The meanings of all texts that are true of the clip.
        others: The meanings of the negatives that the clip has already.
    """
    if reason := is_unfit(candidate, caption):
        return reason
    if has_bad_length(candidate, caption):
        return "length"
    if is_near_equal(candidate, caption):
        return "near-equal"
    candidate_meaning = meaning(candidate)
    if candidate_meaning == meaning(caption):
        return "equivalent"
    if kind in KEEP_EVENTS and changes_events(candidate, caption):
        return "events changed"
    if kind == "absence" and adds_events(candidate, caption):
        return "events added"
    if kind == "replacement" and not changes_events(candidate, caption):
        return "events kept"
    if candidate_meaning in truths:
        return "true of the clip"
    return "duplicate" if candidate_meaning in others else None


def refuse_positive(
    level: str, candidate: str, caption: str, truths: Collection[tuple[str, ...]], negatives: Collection[Meaning]
) -> str | None:
    """The reason why a candidate cannot be a positive of a caption, or None.

    Args:
        level: How the candidate relates to the caption.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: The wordings of the clip's captions and positives.
        negatives: The meanings of its negatives.
    """
    if reason := is_unfit(candidate, caption):
        return reason
    if level == "sub-scene" and not (len(candidate.split()) > 1 and len(candidate) < len(caption)):
        return "length"
    if level == "sub-scene" and adds_events(candidate, caption):
        return "events added"
    if wording(candidate) in truths:
        return "duplicate"
    return "false of the clip" if meaning(candidate) in negatives else None


def is_unfit(candidate: str, caption: str) -> str | None:
    """Why a text cannot be in a data set at all: control characters, instructions to a model, another language."""
    if not candidate.isprintable() or candidate != candidate.strip():
        return "unprintable"
    if leaks_instructions(candidate, caption):
        return "leaked instruction"
    return "language" if is_foreign(candidate, caption) else None


def leaks_instructions(candidate: str, caption: str) -> bool:
    """Whether a text talks to or about a model, in words that its caption does not use.

    Example:
        >>> leaks_instructions("Here is the caption: a dog barks", "A cat meows")
        True
    """
    leaked = _LEAKED.intersection(wording(candidate)).union(_NO_PROSE.findall(candidate))
    return bool(leaked) and not leaked <= {*wording(caption), *caption}


def is_foreign(candidate: str, caption: str) -> bool:
    """Whether a text is in another language than its caption, judging by its letters and words.

    Of the words that its caption lacks at most half may be unknown, unless they are few; other letters than
    English ones must come from the caption.
    """
    if not candidate.isascii() and {*candidate} - {*caption} - {"’", "é"} - _ASCII:
        return True
    new = set(wording(candidate)).difference(wording(caption)) - _KNOWN
    if len(new) <= FEW_WORDS:
        return False
    unknown = [word for word in new if not word.endswith("ly") and not is_event(word)]
    return len(unknown) > max(FEW_WORDS, len(candidate.split()) / 2)


def has_bad_length(candidate: str, caption: str) -> bool:
    """Whether a candidate is too short or too long, or much shorter or longer than its caption."""
    length, expected = len(candidate.split()), len(caption.split())
    return not (MIN_WORDS <= length <= MAX_WORDS and expected / 2 <= length <= expected * 2)


def is_near_equal(candidate: str, caption: str) -> bool:
    """Whether two texts differ only in case, punctuation, articles and the inflection of words."""
    return parse(candidate).stems == parse(caption).stems


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
    """Whether two texts name different sources or actions, ignoring time, place, number and loudness."""
    return parse(candidate).events != parse(caption).events


def adds_events(candidate: str, caption: str) -> bool:
    """Whether a text names a source or action that its caption does not."""
    return not set(parse(candidate).events) <= set(parse(caption).events)


def meaning(text: str) -> Meaning:
    """What happens in a text: stages in order of time, each with the sorted bags of stems of simultaneous events.

    Example:
        >>> meaning("A dog barks after a man speaks and rain falls")
        ((('fall', 'rain'), ('man', 'speak')), (('bark', 'dog'),))
    """
    return parse(text).meaning


def wording(text: str) -> tuple[str, ...]:
    """The words of a text, in lower case and without punctuation."""
    return parse(text).words


class ParsedText(NamedTuple):
    """What the checks need of a text.

    Attributes:
        words: Its words.
        stems: Their stems, without articles.
        events: The stems of sources and actions, sorted.
        meaning: See `meaning`.
    """

    words: tuple[str, ...]
    stems: tuple[str, ...]
    events: tuple[str, ...]
    meaning: Meaning


@lru_cache(maxsize=256)
def parse(text: str) -> ParsedText:
    """Parses a text once for all checks."""
    words = tuple([token for token in tokens(text) if token != ","])
    roots = [_roots(word) for word in words]
    stages: dict[int, list[tuple[str, ...]]] = {}
    for segment in segments(text):
        if bag := tuple(sorted([root for word in segment.words if (root := _roots(word)[1])])):
            stages.setdefault(segment.stage, []).append(bag)
    return ParsedText(
        words,
        tuple([root for root, _, _ in roots if root]),
        tuple(sorted([event for _, _, event in roots if event])),
        tuple([tuple(sorted(bags)) for _, bags in sorted(stages.items())]),
    )


@lru_cache(maxsize=1 << 15)
def _roots(word: str) -> tuple[str, str, str]:
    """The stem of a word; the same or "" for an article, for a filler, and for what names neither source nor action."""
    root = stem(word)
    return (
        "" if word in ARTICLES else root,
        "" if word in _EMPTY else root,
        "" if word in _EMPTY_OR_ATTRIBUTES else root,
    )
