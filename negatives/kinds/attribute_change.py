"""Attribute change: one attribute becomes its opposite, "loudly" becomes "quietly"."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from negatives.language.inflection import (
    AUXILIARIES,
    DETERMINERS,
    EVENT_NOUNS,
    LEXICON,
    PREPOSITIONS,
    VERBS,
    with_article,
)

_OPPOSITES: dict[str, list[str]] = {}
_POLES: dict[str, frozenset[str]] = {}
for _high, _low in LEXICON["opposites"]:
    for _pole, _other in ((_high, _low), (_low, _high)):
        for _word in _pole:
            _OPPOSITES[_word] = _OPPOSITES.get(_word, []) + _other
            _POLES[_word] = _POLES.get(_word, frozenset()) | {*_pole, *_other}
_PATTERNS = {words: re.compile(rf"\b{words}\b") for words in _OPPOSITES}
_FIRST_WORDS = frozenset(end for words in _OPPOSITES for end in (words.split()[0], words.split()[0] + ","))
_NOT_BEFORE, _NOT_AFTER = (frozenset(LEXICON["no_attribute"][side].split()) for side in ("before", "after"))
_ATTRIBUTE = re.compile(
    rf"\b({'|'.join(sorted(_OPPOSITES, key=len, reverse=True))})\b(?!-)(?= ?([\w'’-]*))", re.IGNORECASE
)
_MAYBE_VERBS = frozenset(["clear", "slow", "quiet"])
_OBJECTS = frozenset(["his", "her", "its", "their", "the", "a", "an"])  # "clear their throat": a verb
_LIGHT = frozenset(LEXICON["light"].split())
# What can come after an adverb; any other word is the noun of an adjective: "nearby speech".
_AFTER_ADVERB = DETERMINERS | PREPOSITIONS | AUXILIARIES | frozenset(LEXICON["connectives"].split())


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Replaces an attribute by an opposite: "A loud bang" → "A faint bang".

    An attribute stays where the caption has another one of its dimension ("a loud bang, then a soft one"), and where
    the caption says that it changes or compares it ("gets louder").
    """
    lower = caption.lower()
    if _FIRST_WORDS.isdisjoint(lower.split()):
        return
    matches = list(_ATTRIBUTE.finditer(caption))
    rng.shuffle(matches)
    for match in matches:
        word, before, after = match[1].lower(), _last_word(lower[: match.start()]), match[2].lower()
        if _is_clear(word, before, after) and sum(_count(lower, other) for other in _POLES[word]) == 1:
            ends = _ends_phrase(after)
            choices = [new for new in _OPPOSITES[word] if _fits(new, ends)] if _fits(word, ends) else []
            if choices:
                new = rng.choice(choices)
                new = new.capitalize() if match[1][0].isupper() else new
                yield with_article(caption[: match.start()] + new + caption[match.end() :])


def _last_word(text: str) -> str:
    """The last word, or nothing where the text ends with a comma."""
    words = text.rsplit(None, 1)
    return words[-1] if words and text.endswith(" ") else ""


def _is_clear(word: str, before: str, after: str) -> bool:
    """Whether the words around leave no doubt that a word is an attribute that can change."""
    if (
        before in _NOT_BEFORE
        or (word in _MAYBE_VERBS and after in _OBJECTS)
        or (word == "light" and after not in _LIGHT)
    ):
        return False  # "a light turns on", "light pink"
    return " " in word or word.endswith("ly") or word in ("hard", "nearby") or after not in _NOT_AFTER


def _ends_phrase(after: str) -> bool:
    """Whether the next word is not a noun: "nearby | speak", "nearby | loudly", but "nearby speech"."""
    return not after or after in _AFTER_ADVERB or after.endswith("ly") or (after in VERBS and after not in EVENT_NOUNS)


def _fits(word: str, ends: bool) -> bool:
    """Whether a word can stand where its phrase ends ("blows hard"), or before a noun ("distant speech")."""
    if word in ("hard", "in the distance", "in the background", "in the foreground", "far away", "close by"):
        return ends
    return not ends if word == "distant" else True


def _count(text: str, words: str) -> int:
    return len(_PATTERNS[words].findall(text)) if words in text else 0
