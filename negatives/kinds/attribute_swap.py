"""Attribute swap: a loud A and a quiet B become a quiet A and a loud B."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

from negatives.language.clauses import Form, parse
from negatives.language.grammar import as_sentence, split_end
from negatives.language.inflection import ADJECTIVE_OF, ADJECTIVES, ADVERB_OF, DETERMINERS, SCALES, is_event, words_of

_CHOICES = "|".join(sorted({*ADVERB_OF, *ADJECTIVE_OF}, key=len, reverse=True))
_ATTRIBUTE = re.compile(rf"\b(?:{_CHOICES})\b", re.IGNORECASE)
_FIRST_WORDS = frozenset(words.split()[0] for words in (*ADVERB_OF, *ADJECTIVE_OF))
_CONNECTIVE = re.compile(r",?\s+(?:and then|followed by|and|with|while|as|then|before|after)\s+|,\s+", re.IGNORECASE)
_COMPARISON = re.compile(
    r"\b(?:far|farther|further|gets?|getting|grow\w*|becom\w+|turns?|more|most|less|even|not|or|between)\b",
    re.I,
)
_BACKGROUND = re.compile(r"\s+in (?:the )?background$", re.IGNORECASE)
_PLACE_OR_TIME = re.compile(
    r"ground\b|\b(?:nearby|close|distan\w+|far|away|followed|then|before|after)\b", re.IGNORECASE
)
# What joins two simultaneous clauses; "and" counts only where nothing clearer does.
_TOGETHER = tuple(re.compile(rf",?\s+({words})\s+", re.IGNORECASE) for words in ("while|as", "with", "and"))


@dataclass(frozen=True)
class _Mention:
    """One attribute in a text, and whether the clause around it names a sound."""

    start: int
    end: int
    words: str
    adjective: str
    is_adverb: bool
    sounds: bool


def propose(caption: str, rng: random.Random) -> list[str]:
    """Swaps opposite attributes of two events, one candidate per dimension, and which of two is in the background.

    An attribute without its opposite stays: "a man speaks loudly and a dog barks" does not say that the dog is quiet.
    The background is relative: of two simultaneous sounds it says which one is behind the other.
    """
    del rng
    text, end = split_end(caption)
    mentions = _mentions(text)
    candidates = [_swap(text, mentions, *poles) for poles in SCALES.values()] if len(mentions) > 1 else []
    return [as_sentence(swapped + end) for swapped in (*candidates, _move_background(text)) if swapped]


def _swap(text: str, mentions: list[_Mention], high: dict[str, str], low: dict[str, str]) -> str | None:
    mentions = [mention for mention in mentions if mention.adjective in high | low]
    if len(mentions) != 2 or not all(mention.sounds for mention in mentions):
        return None
    first, second = mentions
    between = text[first.end : second.start]
    if (first.adjective in high) == (second.adjective in high) or _CONNECTIVE.search(between) is None:
        return None
    return text[: first.start] + _worded_for(second, first) + between + _worded_for(first, second) + text[second.end :]


def _worded_for(mention: _Mention, place: _Mention) -> str:
    """An attribute in the word class of the place that it moves to: "loudly" where an adverb stood."""
    if mention.is_adverb == place.is_adverb:
        return mention.words
    return ADVERB_OF[mention.adjective] if place.is_adverb else mention.adjective


def _mentions(text: str) -> list[_Mention]:
    if len(_FIRST_WORDS.intersection(text.lower().replace(",", "").split())) < 2:
        return []  # no two that differ
    matches = list(_ATTRIBUTE.finditer(text))
    if len(matches) < 2 or _COMPARISON.search(text):
        return []
    connectives = list(_CONNECTIVE.finditer(text))
    starts, ends = (
        [0, *(connective.end() for connective in connectives)],
        [*(connective.start() for connective in connectives), len(text)],
    )
    mentions = []
    for match in matches:
        start, end = match.span()
        before = words_of(text[max(i for i in starts if i <= start) : start])
        after = words_of(text[end : min(i for i in ends if i >= end)])
        awaits_noun = after and (before[-1] in DETERMINERS | ADJECTIVES if before else after[0] not in DETERMINERS)
        words = match[0].lower()
        is_adverb = words in ADJECTIVE_OF and not (words in ADVERB_OF and awaits_noun)  # "nearby" is both
        sounds = any(map(is_event, (*before, *after)))
        mentions.append(_Mention(start, end, words, ADJECTIVE_OF.get(words, words), is_adverb, sounds))
    return mentions


def _move_background(text: str) -> str | None:
    if "background" not in text:
        return None
    connectives = next((found for pattern in _TOGETHER if (found := list(pattern.finditer(text)))), [])
    if len(connectives) != 1:
        return None
    [connective] = connectives
    clauses = text[: connective.start()], text[connective.end() :]
    behind = [match[0] if (match := _BACKGROUND.search(clause)) else "" for clause in clauses]
    bare = [_BACKGROUND.sub("", clause) for clause in clauses]
    if all(behind) or not any(behind) or any(map(_PLACE_OR_TIME.search, bare)):
        return None
    forms = {clause.form if clause else None for clause in map(parse, bare)}
    # "Birds chirp and people talk in the background" may say so of both.
    is_wide = connective[1].lower() == "and" and (behind[1] or forms != {Form.FINITE})
    second = parse(bare[1])
    if connective[1].lower() in ("while", "as") and (second is None or second.form is not Form.FINITE):
        return None  # "as the only sound"
    if is_wide or not forms <= {Form.FINITE, Form.NOMINAL}:
        return None
    return bare[0] + behind[1] + connective[0] + bare[1] + behind[0]
