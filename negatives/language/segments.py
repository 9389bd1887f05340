"""Splits any text at its connectives, without reading its grammar: what is mentioned together, and in what order."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

_TOKEN = re.compile(r"[\w'’-]+|,")
SIMULTANEOUS = frozenset(["while", "as", "during", "amid", "amidst"])
"""Connectives that state that two things happen at the same time."""
_TOGETHER = SIMULTANEOUS | {",", "and", "with"}
_EARLIER = frozenset(["after", "preceded"])
_LATER_WITH = {
    word: [preposition]
    for words, preposition in (("leading", "to"), ("ending ends end concluding concludes conclude", "with"))
    for word in words.split()
}
_SPLITS = _TOGETHER | _EARLIER | _LATER_WITH.keys() | {"then", "before", "followed", "prior", "preceding"}


def tokens(text: str) -> list[str]:
    """The words and commas of a text, in lower case."""
    return _TOKEN.findall(text.lower())


class Segment(NamedTuple):
    """The words between two connectives.

    Attributes:
        stage: Place in time: segments of stage 0 come first; those of one stage are not said to follow each other.
        connective: The word that introduces it; empty for the first one.
        words: Lower case, without punctuation.
    """

    stage: int
    connective: str
    words: tuple[str, ...]


@lru_cache(maxsize=256)
def segments(text: str) -> tuple[Segment, ...]:
    """The segments of a text in order of time.

    Example:
        >>> [(segment.stage, " ".join(segment.words)) for segment in segments("A dog barks after a man speaks")]
        [(0, 'a man speaks'), (1, 'a dog barks')]
    """
    found = tokens(text)
    words: list[str] = []
    stage = [("", words)]
    stages = [stage]
    for i, token in enumerate(found):
        if token not in _SPLITS:
            words.append(token)
            continue
        words = []
        following = found[i + 1 : i + 2]
        if token in _TOGETHER or _LATER_WITH.get(token, following) != following:
            stage.append((token, words))
        else:
            stage = [(token, words)]
            stages.insert(len(stages) - (token in _EARLIER and following != ["which"]), stage)
    return tuple(
        Segment(number, connective, tuple(words))
        for number, stage in enumerate(stages)
        for connective, words in stage
        if words
    )
