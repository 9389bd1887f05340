"""Order: A then B becomes B then A."""

from __future__ import annotations

import random
from dataclasses import replace

from negatives.language.clauses import parse
from negatives.language.grammar import Sentence, TemporalRelation, all_distinct, read


def propose(caption: str, rng: random.Random) -> list[str]:
    """Swaps the two clauses around a temporal connective, once for each connective.

    The connective stays and each clause gets the form of the other, so that negatives read like captions:
    "A man speaks followed by a dog barking" → "A dog barks followed by a man speaking".
    """
    swapped = [
        _swap_actions(sentence) if sentence.shares_subject else _swap_clauses(sentence)
        for sentence in read(caption)
        if sentence.connective.relation is TemporalRelation.SEQUENCE and all_distinct(sentence.first, sentence.second)
    ]
    texts = [str(sentence) for sentence in swapped if sentence]
    rng.shuffle(texts)
    return texts


def _swap_actions(sentence: Sentence) -> Sentence | None:
    """One subject, two actions: "A car revs and then skids" → "A car skids and then revs"."""
    length = sentence.first.subject_length
    subject, action = sentence.first.words[:length], sentence.first.words[length:]
    first, second = parse(" ".join((*subject, *sentence.second.words))), parse(" ".join(action))
    return replace(sentence, first=first, second=second) if length and first and second else None


def _swap_clauses(sentence: Sentence) -> Sentence | None:
    first_form, second_form = sentence.first.form, sentence.second.form
    first = sentence.second.cast(first_form) or sentence.second
    second = sentence.first.cast(second_form) or (
        sentence.first if first_form in sentence.connective.forms_after else None
    )
    if second is None or (sentence.start and first.form is not first_form):
        return None  # the connective before the first clause may want another form
    return replace(sentence, first=first, second=second)
