"""Attribute swap: a loud A and a quiet B become a quiet A and a loud B."""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache

from negatives.grammar import Form, form, is_event_word, lower_first, words_of
from negatives.words import ADJECTIVES, ADVERB_OF, DETERMINERS, FURTHER_ADVERBS, SCALES

_ADJECTIVE_OF = {adverb: adjective for adjective, adverb in ADVERB_OF.items() if adverb} | FURTHER_ADVERBS
_JOINT = re.compile(r"(?:,\s*|\s+)(?:and then|followed by|and|with|while|as|then|before|after)\s+|,\s+", re.IGNORECASE)
_CHANGE = re.compile(r"\b(?:far|farther|further|gets?|getting|grow\w*|becom\w+|turns?|not|or|between)\b", re.IGNORECASE)
_BACKGROUND = re.compile(r"\s+in (?:the )?background$", re.IGNORECASE)
_PLACE = re.compile(r"ground\b|\b(?:nearby|close|distan\w+|far|away)\b", re.IGNORECASE)
_TOGETHER = re.compile(r",?\s+(while|as|with|and)\s+", re.IGNORECASE)
_SEQUENCE = re.compile(r"\b(?:followed|then|before|after|when|until|during)\b|[,;]", re.IGNORECASE)


@dataclass(frozen=True)
class _Mention:
    """One attribute where it stands in a caption, and the stretch between joints that it belongs to."""

    start: int
    end: int
    adjective: str
    words: str
    is_adverb: bool
    clause: str


def propose(caption: str, rng: random.Random) -> list[str]:
    """Exchanges opposite attributes of two events, one candidate a dimension, and what is in the background.

    An attribute without its opposite stays where it is: "a man speaks loudly and a dog barks" does not say that the dog
    is quiet. What is in the background, though, is so relative to the rest: of two things at once, only one can be.
    """
    del rng
    text = lower_first(" ".join(caption.split()))
    candidates = [_exchange(text, dimension) for dimension in SCALES] + [_move_background(text)]
    return [candidate[:1].upper() + candidate[1:] for candidate in candidates if candidate]


def _exchange(text: str, dimension: str) -> str | None:
    if len(_pattern(dimension).findall(text)) != 2 or _CHANGE.search(text):
        return None
    first, second = (_mention(text, match) for match in _pattern(dimension).finditer(text))
    high, _ = SCALES[dimension]
    opposite = (first.adjective in high) != (second.adjective in high)
    if not opposite or not _JOINT.search(text[first.end : second.start]) or not (_sounds(first) and _sounds(second)):
        return None
    new_first, new_second = _say(second, like=first), _say(first, like=second)
    if not new_first or not new_second:
        return None
    return text[: first.start] + new_first + text[first.end : second.start] + new_second + text[second.end :]


@cache
def _pattern(dimension: str) -> re.Pattern[str]:
    adjectives = [adjective for pole in SCALES[dimension] for adjective in pole]
    adverbs = [adverb for adverb, adjective in _ADJECTIVE_OF.items() if adjective in adjectives]
    choices = sorted({*adjectives, *adverbs}, key=len, reverse=True)
    return re.compile(r"\b(?:" + "|".join(choices) + r")\b", re.IGNORECASE)


def _mention(text: str, match: re.Match[str]) -> _Mention:
    joints = list(_JOINT.finditer(text))
    start = max((joint.end() for joint in joints if joint.end() <= match.start()), default=0)
    end = min((joint.start() for joint in joints if joint.start() >= match.end()), default=len(text))
    words, before = match[0].lower(), words_of(text[start : match.start()])
    is_adjective = words in ADVERB_OF and (words not in _ADJECTIVE_OF or _awaits_noun(before, text[match.end() : end]))
    clause = text[start : match.start()] + text[match.end() : end]
    return _Mention(match.start(), match.end(), _ADJECTIVE_OF.get(words, words), words, not is_adjective, clause)


def _awaits_noun(before: list[str], after: str) -> bool:
    return bool(after.strip(" .")) and (not before or before[-1] in DETERMINERS | ADJECTIVES)


def _sounds(mention: _Mention) -> bool:
    return any(is_event_word(word) for word in words_of(mention.clause))


def _say(mention: _Mention, like: _Mention) -> str:
    if mention.is_adverb == like.is_adverb:
        return mention.words
    return ADVERB_OF[mention.adjective] if like.is_adverb else mention.adjective


def _move_background(text: str) -> str | None:
    body = text.rstrip(" .")
    joint = _only_joint(body)
    if joint is None:
        return None
    clauses = [body[: joint.start()], body[joint.end() :]]
    behind = [bool(_BACKGROUND.search(clause)) for clause in clauses]
    bare = [_BACKGROUND.sub("", clause) for clause in clauses]
    wide = joint[1].lower() == "and" and (behind[1] or form(clauses[1]) is not Form.FINITE)
    if sum(behind) != 1 or wide or not all(map(_can_host, bare)):
        return None
    bare[behind.index(False)] += " in the background"
    return bare[0] + joint[0] + bare[1] + text[len(body) :].strip()


def _only_joint(body: str) -> re.Match[str] | None:
    """The joint of a caption of two clauses at once; "and" joins clauses only where nothing stronger does."""
    joints = list(_TOGETHER.finditer(body))
    for words in (("while", "as"), ("with",), ("and",)):
        strongest = [joint for joint in joints if joint[1].lower() in words]
        if strongest:
            return strongest[0] if len(strongest) == 1 else None
    return None


def _can_host(clause: str) -> bool:
    """Whether a clause says of one thing that it sounds, and nothing yet about where."""
    words = words_of(clause)
    placed = _PLACE.search(clause) or _SEQUENCE.search(clause)
    return not placed and form(clause) in (Form.FINITE, Form.NOMINAL) and any(map(is_event_word, words))
