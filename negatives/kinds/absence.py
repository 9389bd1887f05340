"""Absence: an event of the caption is denied."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from negatives.language.clauses import Clause, Form
from negatives.language.grammar import as_sentence, read_pair
from negatives.language.inflection import DETERMINERS

_WITHOUT = re.compile(r"\bwithout (?:any )?(?=\w)", re.IGNORECASE)
_INDEFINITE = ("someone", "something", "somebody")


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Denies one of two clauses: "A dog barks as a man speaks" → "A dog barks without a man speaking".

    What the caption denies itself is asserted: "without music" → "with music".
    """
    if denials := list(_WITHOUT.finditer(caption)):
        [denial, *more] = denials
        if not more:
            yield caption[: denial.start()] + "with " + caption[denial.end() :]
        return
    sentence = read_pair(caption)
    if sentence is None or sentence.shares_subject or sentence.first.content & sentence.second.content:
        return
    clauses = [sentence.first, sentence.second]
    rng.shuffle(clauses)
    for kept, denied in (clauses, clauses[::-1]):
        nominal = denied.cast(Form.NOMINAL)
        if nominal and "and" not in nominal.tags and kept.form is not Form.PREDICATE and "with" not in kept.words:
            yield as_sentence(f"{kept} {_denial(nominal, rng)}{'.' if sentence.end else ''}")


def _denial(clause: Clause, rng: random.Random) -> str:
    """Words that deny a clause: "without a man speaking", "with no man speaking"."""
    if clause.words[0].lower() in _INDEFINITE:
        return f"without {clause}"
    words = clause.words[1:] if clause.words[0].lower() in DETERMINERS else clause.words
    denials = [f"without {clause}", f"with no {' '.join(words)}"]
    return rng.choice(denials if "participle" in clause.tags else [*denials, f"but no {' '.join(words)}"])
