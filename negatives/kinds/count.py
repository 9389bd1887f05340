"""Count: two become three, once becomes twice, a dog becomes several dogs."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from negatives.language.clauses import Clause
from negatives.language.grammar import as_sentence, read_clause, read_pair
from negatives.language.inflection import (
    BASE_OF_SINGULAR,
    COUNTABLE,
    LEXICON,
    SINGULAR_OF,
    VERBS,
    plural,
    singular,
    with_article,
)
from negatives.language.tags import VERB

_NUMBERS: dict[str, int] = LEXICON["numbers"]
_TIMES: dict[str, int] = {words: how_often for how_often, group in enumerate(LEXICON["times"]) for words in group}
_SEVERAL_TIMES = max(_TIMES.values())
_EXACT = ("once", "twice", "three times", "four times")
_COUNTED = re.compile(
    rf"\b(?:({'|'.join(_NUMBERS)}) (?=(?:[\w'’-]+ )?[\w'’-]+)|({'|'.join(sorted(_TIMES, key=len, reverse=True))})\b)",
    re.I,
)
_MANY = ("two", "several", "three", "multiple")
_ONE = ("one", "a single")  # "a dog barks" is true where dogs bark
_SEVERAL = frozenset(["several", "multiple", "many", "some", "two", "three", "four", "five", "six"])
_COUNTERS = re.compile(
    r"\b(?:another|other|both|each|together|one|at once|first|second|back and forth|again|more)\b", re.I
)


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Changes a number, how often something happens, or one into several and several into one.

    Captions that go on counting ("two dogs ... one barks") are refused.
    """
    if _COUNTERS.search(caption):
        return
    yield from (_recount(caption, match, rng) for match in _COUNTED.finditer(caption))
    sentence = read_pair(caption)
    if sentence is None:
        clause, end = read_clause(caption)
        if clause and (changed := _other_number(clause, rng)):
            yield with_article(as_sentence(changed + end))
    elif not sentence.shares_subject:
        first, second = str(sentence.first), str(sentence.second)
        for is_first in rng.choice(((True, False), (False, True))):
            if changed := _other_number(sentence.first if is_first else sentence.second, rng):
                one, other = (changed, second) if is_first else (first, changed)
                yield with_article(as_sentence(f"{one}{sentence.connective_text}{other}{sentence.end}"))


def _recount(caption: str, match: re.Match[str], rng: random.Random) -> str:
    if match[1]:
        new = rng.choice([word for word in ("two", "three", "four") if word != match[1].lower()])
    else:
        how_often = _TIMES[match[2].lower()]
        others = _EXACT if how_often < _SEVERAL_TIMES else _EXACT[:2]  # several may be three, three may be several
        new = rng.choice([words for words in others if _TIMES[words] != how_often])
    start, end = match.span(1 if match[1] else 2)
    new = new.capitalize() if caption[start].isupper() else new
    return caption[:start] + new + caption[end:]


def _other_number(clause: Clause, rng: random.Random) -> str | None:
    """The clause with its only subject in the other number: "a small dog barks" ↔ "several small dogs bark"."""
    length = clause.plain_subject
    if not length and VERB.isdisjoint(clause.tags) and {"determiner", "adjective"}.issuperset(clause.tags[:-1]):
        length = len(clause.words)  # "a loud bang"
    subject, tags = clause.words[:length], clause.tags[:length]
    if not length or "and" in clause.tags:
        return None
    head, predicate = subject[-1].lower(), clause.words[length:]
    if tags[-1] == "noun" and head in COUNTABLE and subject[0].lower() in ("a", "an"):
        return " ".join((rng.choice(_MANY), *subject[1:-1], plural(head), *_with_many(predicate, clause.tags[length:])))
    one = SINGULAR_OF.get(head) or head.removesuffix("s")
    if tags[-1] != "nouns" or one not in COUNTABLE:
        return None
    rest = subject[1:-1] if subject[0].lower() in _SEVERAL else subject[:-1]
    if any(tag == "determiner" for tag in tags[len(subject) - 1 - len(rest) : -1]):
        return None
    return " ".join((rng.choice(_ONE), *rest, one, *_with_one(predicate, clause.tags[length:])))


def _with_many(words: tuple[str, ...], tags: tuple[str, ...]) -> list[str]:
    return [
        {"is": "are", "was": "were"}.get(word) or (BASE_OF_SINGULAR.get(word, word) if tag == "singular" else word)
        for word, tag in zip(words, tags, strict=True)
    ]


def _with_one(words: tuple[str, ...], tags: tuple[str, ...]) -> list[str]:
    return [
        {"are": "is", "were": "was"}.get(word) or (singular(word) if tag == "base" and word in VERBS else word)
        for word, tag in zip(words, tags, strict=True)
    ]
