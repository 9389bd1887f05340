"""Order: A then B becomes B then A."""

from __future__ import annotations

import random
import re
from dataclasses import replace

from negatives.grammar import Sentence, cast, content, form, read, shares_subject, subject_of, words_of


def propose(caption: str, rng: random.Random) -> list[str]:
    """Exchanges the two clauses of a caption around its only connective of time.

    The connective stays, and the clauses take over each other's form, so that a negative is worded like a caption:
    "A man speaks followed by a dog barking" → "A dog barks followed by a man speaking".
    """
    del rng
    sentence = read(caption)
    if sentence is None or sentence.connective.together or not _are_distinct(sentence):
        return []
    swapped = _exchange_actions(sentence) if shares_subject(sentence) else _exchange_clauses(sentence)
    return [str(swapped)] if swapped else []


def _are_distinct(sentence: Sentence) -> bool:
    """Whether each clause has something of its own, and neither points at the other ("a car ... the car")."""
    first, second = content(sentence.first), content(sentence.second)
    named = re.findall(r"\bthe ([\w-]+)", sentence.first), re.findall(r"\bthe ([\w-]+)", sentence.second)
    points = set(named[1]) & set(words_of(sentence.first)) or set(named[0]) & set(words_of(sentence.second))
    return not (first <= second or second <= first or points)


def _exchange_actions(sentence: Sentence) -> Sentence | None:
    """One subject, two actions: "A car revs and then skids" → "A car skids and then revs"."""
    subject = subject_of(sentence.first)
    if subject is None:
        return None
    return replace(sentence, first=f"{subject} {sentence.second}", second=sentence.first[len(subject) + 1 :])


def _exchange_clauses(sentence: Sentence) -> Sentence | None:
    first_form, second_form = form(sentence.first), form(sentence.second)
    assert first_form is not None and second_form is not None, "read() refuses such sentences"
    first = cast(sentence.second, first_form) or sentence.second
    second = cast(sentence.first, second_form) or (
        sentence.first if first_form in sentence.connective.slots else None
    )
    return replace(sentence, first=first, second=second) if second else None
