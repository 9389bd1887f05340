"""Paraphrase: the same in other words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache

from negatives.kinds.replacement import exchange_siblings
from negatives.language.clauses import Clause, Form
from negatives.language.grammar import Says, Sentence, all_distinct, as_sentence, read_pair
from negatives.language.inflection import LEXICON
from negatives.language.substitutes import Siblings

Telling = tuple[str, Form | None, Form | None]
"""A pattern for two clauses, and the form of each in it (None: as it is)."""


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Tells the same order or overlap another way, or puts a word for a word that means the same.

    Some mention first what comes last, so that the order of words says nothing of the order of sounds:
    "A dog barks, then a man speaks" → "A man speaks after a dog barks".
    """
    sentence = read_pair(caption)
    if sentence and not sentence.shares_subject:
        told = (as_sentence(text + ("." if sentence.end else "")) for text in _retell(sentence, rng))
        yield from itertools.islice((text for text in told if text != str(sentence)), 1)
    yield from itertools.islice(exchange_siblings(caption, _synonyms(), rng), 1)


@cache
def _synonyms() -> Siblings:
    return Siblings({"voices": [], "never": [], "fixed": [], **LEXICON["same"]})


def _retell(sentence: Sentence, rng: random.Random) -> Iterator[str]:
    tellings: list[tuple[Telling, Clause, Clause]] = []
    first, second = sentence.first, sentence.second
    if not all_distinct(first, second):
        return
    if sentence.connective.says is Says.SEQUENCE:
        earlier, later = (second, first) if sentence.connective.second_is_earlier else (first, second)
        tellings = [(_IN_SEQUENCE[i], earlier, later) for i in rng.sample(range(len(_IN_SEQUENCE)), len(_IN_SEQUENCE))]
    elif sentence.connective.says is Says.TOGETHER:
        tellings = [(telling, *pair) for telling in _AT_ONCE for pair in ((first, second), (second, first))]
        rng.shuffle(tellings)
    elif sentence.joint.strip() == "and":
        tellings = [(("{} and {}", None, None), second, first)]
    for (words, form, other_form), one, other in tellings:
        told = one.cast(form) if form else one
        other_told = other.cast(other_form) if other_form else other
        if told and other_told:
            yield words.format(told, other_told)


_IN_SEQUENCE: tuple[Telling, ...] = (
    ("{} before {}", Form.FINITE, Form.FINITE),
    ("{1} after {0}", Form.FINITE, Form.FINITE),
    ("{}, and then {}", Form.FINITE, Form.FINITE),
    ("{} followed by {}", Form.NOMINAL, Form.NOMINAL),
    ("{1} preceded by {0}", Form.NOMINAL, Form.NOMINAL),
)
_AT_ONCE: tuple[Telling, ...] = (("{} while {}", None, Form.FINITE), ("{} as {}", None, Form.FINITE))
