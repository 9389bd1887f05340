"""Sub-scene: one part of a caption, which is true where the whole caption is."""

from __future__ import annotations

import random

from negatives.language.clauses import Clause, Form, parse
from negatives.language.grammar import Sentence, as_sentence, read, read_pair

_DENIALS = frozenset(["no", "without"])


def propose(caption: str, rng: random.Random) -> list[str]:
    """Keeps one clause: "A dog barks, then a siren wails" → "A dog barks"."""
    pair = read_pair(caption)
    sentences = read(caption) or ((pair,) if pair else ())
    clauses = {str(clause): clause for sentence in sentences for clause in _parts(sentence)}
    texts = [as_sentence(text) for text, clause in clauses.items() if _stands_alone(clause)]
    rng.shuffle(texts)
    return texts


def _parts(sentence: Sentence) -> list[Clause]:
    if not sentence.shares_subject:
        return [sentence.first, sentence.second]
    subject = sentence.first.words[: sentence.first.subject_length]
    second = parse(" ".join((*subject, *sentence.second.words)))
    return [sentence.first, second] if second else [sentence.first]


def _stands_alone(clause: Clause) -> bool:
    return clause.form is not Form.PREDICATE and len(clause.words) > 1 and _DENIALS.isdisjoint(clause.words)
