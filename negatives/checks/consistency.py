"""Checks of a candidate against its caption: small pure functions, each with a reason to refuse."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import lru_cache
from typing import NamedTuple

from negatives.language.inflection import (
    ADJECTIVE_OF,
    ADJECTIVES,
    ADVERB_OF,
    ADVERBS,
    AUXILIARIES,
    DETERMINERS,
    LEXICON,
    PREPOSITIONS,
    is_event,
    stem,
)

MIN_WORDS, MAX_WORDS, FEW_WORDS = 3, 60, 3
KEEP_EVENTS = frozenset(["order", "relation", "attribute-swap", "attribute-change", "count", "binding"])
_LEAKED = frozenset(LEXICON["leaked"].split())
_NO_PROSE = re.compile(r"[`{}<>\[\]|\\]")
_CONNECTIVES = frozenset(LEXICON["connectives"].split())
_ARTICLES = frozenset(["a", "an", "the", "some", "any"])
_COUNTS = (DETERMINERS - _ARTICLES) | frozenset(["times", "time", "twice", "once", "repeatedly", "single"])
_DENIALS = frozenset(["no", "not", "without", "nothing", "nobody"])
_FILLERS = PREPOSITIONS | AUXILIARIES | _CONNECTIVES | _ARTICLES | frozenset(["occurs", "occur", "occurring"])
_EMPTY = _FILLERS - _COUNTS - _DENIALS
_ATTRIBUTES = (
    frozenset(word for words in (*ADVERB_OF, *ADJECTIVE_OF) for word in words.split())
    | frozenset(word for poles in LEXICON["opposites"] for pole in poles for words in pole for word in words.split())
    | ADJECTIVES
    | ADVERBS
)
_EMPTY_OR_ATTRIBUTES = _FILLERS | _COUNTS | _DENIALS | _ATTRIBUTES
_ASCII = frozenset(map(chr, range(128)))
_KNOWN = _EMPTY_OR_ATTRIBUTES | frozenset(LEXICON["countable"].split())

Meaning = tuple[tuple[tuple[str, ...], ...], ...]


def refuse(
    kind: str, candidate: str, caption: str, truths: Collection[Meaning], others: Collection[Meaning]
) -> str | None:
    """The reason why a candidate is no negative of a caption, or None where nothing speaks against it.

    Args:
        kind: What the candidate claims to change.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: What all texts mean that are true of the same clip.
        others: What the negatives mean that the clip has already.
    """
    if reason := is_unfit(candidate, caption):
        return reason
    if has_bad_length(candidate, caption):
        return "length"
    if is_near_equal(candidate, caption):
        return "near-equal"
    says = meaning(candidate)
    if says == meaning(caption):
        return "equivalent"
    if kind in KEEP_EVENTS and changes_events(candidate, caption):
        return "events changed"
    if kind == "absence" and adds_events(candidate, caption):
        return "events added"
    if kind == "replacement" and not changes_events(candidate, caption):
        return "events kept"
    if says in truths:
        return "true of the clip"
    return "duplicate" if says in others else None


def refuse_positive(
    level: str, candidate: str, caption: str, truths: Collection[tuple[str, ...]], negatives: Collection[Meaning]
) -> str | None:
    """The reason why a candidate is no positive of a caption, or None where nothing speaks against it.

    Args:
        level: What the candidate claims to be to the caption.
        candidate: The text to judge.
        caption: The caption that it was made from.
        truths: The wordings that the clip has already: its captions' and positives'.
        negatives: What texts mean that are false of it.
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
    """Why a text cannot stand in a data set at all: control characters, instructions to a model, another language."""
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
    """Whether a text leaves its caption's language, as far as its letters and its words tell.

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
    """Whether a candidate is too short to say anything, or much shorter or longer than its caption."""
    length, expected = len(candidate.split()), len(caption.split())
    return not (MIN_WORDS <= length <= MAX_WORDS and expected / 2 <= length <= expected * 2)


def is_near_equal(candidate: str, caption: str) -> bool:
    """Whether two texts differ in nothing but case, punctuation, articles and the inflection of words."""
    return read(candidate).spoken == read(caption).spoken


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
    """Whether two texts mention different things, whatever they say of when, where, how many and how loud."""
    return read(candidate).events != read(caption).events


def adds_events(candidate: str, caption: str) -> bool:
    """Whether a text mentions something that its caption does not."""
    return not set(read(candidate).events) <= set(read(caption).events)


def meaning(text: str) -> Meaning:
    """What happens in a text: stages in order of time, each the sorted bags of stems of what happens at once.

    Example:
        >>> meaning("A dog barks after a man speaks and rain falls")
        ((('fall', 'rain'), ('man', 'speak')), (('bark', 'dog'),))
    """
    return read(text).meaning


def wording(text: str) -> tuple[str, ...]:
    """The words of a text, whatever its case and punctuation."""
    return read(text).words


class Reading(NamedTuple):
    """What the checks see of a text: its words, their stems without articles, the stems of things, the meaning."""

    words: tuple[str, ...]
    spoken: tuple[str, ...]
    events: tuple[str, ...]
    meaning: Meaning


@lru_cache(maxsize=256)
def read(text: str) -> Reading:
    """Reads a text once for all checks."""
    tokens = _TOKEN.findall(text.lower())
    spoken, events = [], []
    bag: list[str] = []
    stage = [bag]
    stages = [stage]
    for i, token in enumerate(tokens):
        splits, said, happens, thing = _weigh(token)
        if splits:
            bag = []
            following = tokens[i + 1 : i + 2]
            if token in _TOGETHER or _LATER_WITH.get(token, following) != following:
                stage.append(bag)
            else:
                stages.insert(len(stages) - (token in _EARLIER and following != ["which"]), stage := [bag])
        if said:
            spoken.append(said)
        if happens:
            bag.append(happens)
        if thing:
            events.append(thing)
    words = tuple([token for token in tokens if token != ","])
    stages_said = tuple([tuple(sorted([tuple(sorted(bag)) for bag in stage if bag])) for stage in stages])
    return Reading(words, tuple(spoken), tuple(sorted(events)), tuple([stage for stage in stages_said if stage]))


@lru_cache(maxsize=1 << 15)
def _weigh(token: str) -> tuple[bool, str, str, str]:
    """Whether a token splits a text; its stem, or "" for an article; for what says nothing; for what names no thing."""
    root = "" if token == "," else stem(token)
    return (
        token in _SPLITS,
        "" if token in _ARTICLES else root,
        "" if token in _EMPTY else root,
        "" if token in _EMPTY_OR_ATTRIBUTES else root,
    )


_TOKEN = re.compile(r"[\w'’-]+|,")
_TOGETHER = frozenset([",", "and", "with", "while", "as", "during", "amid", "amidst"])
_EARLIER = frozenset(["after", "preceded"])
_LATER_WITH = {
    word: [preposition]
    for words, preposition in (("leading", "to"), ("ending ends end concluding concludes conclude", "with"))
    for word in words.split()
}
_SPLITS = _TOGETHER | _EARLIER | _LATER_WITH.keys() | {"then", "before", "followed", "prior", "preceding"}
