"""Order: A then B becomes B then A."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace

from negatives.clauses import Clause, parse
from negatives.grammar import Sentence, read


def propose(caption: str, rng: random.Random) -> list[str]:
    """Exchanges the two clauses of a caption around its only connective of time.

    The connective stays, and the clauses take over each other's form, so that negatives read like captions:
    "A man speaks followed by a dog barking" → "A dog barks followed by a man speaking".
    """
    del rng
    sentence = read(caption)
    if sentence is None or sentence.connective.together or not _are_distinct(sentence.first, sentence.second):
        return []
    swapped = _exchange_actions(sentence) if sentence.shares_subject else _exchange_clauses(sentence)
    return [str(swapped)] if swapped else []


def _are_distinct(first: Clause, second: Clause) -> bool:
    """Whether each clause has something of its own, and neither points at the other ("a car ... the car")."""
    points = _named(first) & {*second.words} or _named(second) & {*first.words}
    return not (points or first.content <= second.content or second.content <= first.content)


def _named(clause: Clause) -> set[str]:
    return {noun for article, noun in itertools.pairwise(clause.words) if article == "the"}


def _exchange_actions(sentence: Sentence) -> Sentence | None:
    """One subject, two actions: "A car revs and then skids" → "A car skids and then revs"."""
    length = sentence.first.subject_length
    subject, action = sentence.first.words[:length], sentence.first.words[length:]
    first, second = parse(" ".join((*subject, *sentence.second.words))), parse(" ".join(action))
    return replace(sentence, first=first, second=second) if length and first and second else None


def _exchange_clauses(sentence: Sentence) -> Sentence | None:
    first_form, second_form = sentence.first.form, sentence.second.form
    first = sentence.second.cast(first_form) or sentence.second
    second = sentence.first.cast(second_form) or (sentence.first if first_form in sentence.connective.slots else None)
    return replace(sentence, first=first, second=second) if second else None
