"""Paraphrase: the same content in other words."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache

from negatives.kinds.replacement import substitute
from negatives.language.clauses import Clause, Form
from negatives.language.grammar import Sentence, TemporalRelation, all_distinct, as_sentence, read_pair
from negatives.language.inflection import LEXICON
from negatives.language.substitutes import Substitutes

Template = tuple[str, Form | None, Form | None]
"""A format string for two clauses, and the form that each must have in it (None: as it is)."""


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Rewords the order or overlap of two clauses, and replaces a word by a synonym.

    Some rewordings mention the later sound first, so that the order of words does not give away the order of sounds:
    "A dog barks, then a man speaks" → "A man speaks after a dog barks".
    """
    sentence = read_pair(caption)
    if sentence and not sentence.shares_subject:
        reworded = (as_sentence(text + ("." if sentence.end else "")) for text in _reword(sentence, rng))
        yield from itertools.islice((text for text in reworded if text != str(sentence)), 1)
    yield from itertools.islice(substitute(caption, _synonyms(), rng), 1)


@cache
def _synonyms() -> Substitutes:
    return Substitutes({"voices": [], "never": [], "fixed": [], **LEXICON["same"]})


def _reword(sentence: Sentence, rng: random.Random) -> Iterator[str]:
    choices: list[tuple[Template, Clause, Clause]] = []
    first, second = sentence.first, sentence.second
    if not all_distinct(first, second):
        return
    if sentence.connective.relation is TemporalRelation.SEQUENCE:
        earlier, later = (second, first) if sentence.connective.second_is_earlier else (first, second)
        choices = [(_IN_SEQUENCE[i], earlier, later) for i in rng.sample(range(len(_IN_SEQUENCE)), len(_IN_SEQUENCE))]
    elif sentence.connective.relation is TemporalRelation.SIMULTANEOUS:
        choices = [(template, *pair) for template in _AT_ONCE for pair in ((first, second), (second, first))]
        rng.shuffle(choices)
    elif sentence.connective_text.strip() == "and":
        choices = [(("{} and {}", None, None), second, first)]
    for (words, form, other_form), one, other in choices:
        clause = one.cast(form) if form else one
        other_clause = other.cast(other_form) if other_form else other
        if clause and other_clause:
            yield words.format(clause, other_clause)


_IN_SEQUENCE: tuple[Template, ...] = (
    ("{} before {}", Form.FINITE, Form.FINITE),
    ("{1} after {0}", Form.FINITE, Form.FINITE),
    ("{}, and then {}", Form.FINITE, Form.FINITE),
    ("{} followed by {}", Form.NOMINAL, Form.NOMINAL),
    ("{1} preceded by {0}", Form.NOMINAL, Form.NOMINAL),
)
_AT_ONCE: tuple[Template, ...] = (("{} while {}", None, Form.FINITE), ("{} as {}", None, Form.FINITE))
