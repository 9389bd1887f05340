"""Relation: what happens one after the other is said to happen at once, and the other way round."""

from __future__ import annotations

import random
from dataclasses import replace

from negatives.clauses import Form
from negatives.grammar import Sentence, read
from negatives.words import ONE_AT_A_TIME, PHASES, stem


def propose(caption: str, rng: random.Random) -> list[str]:
    """Exchanges the connective: "A dog barks, then a man speaks" → "A dog barks while a man speaks".

    Captions about the course of an event ("an engine starts") are refused: an engine that starts after a man
    speaks may well run while he speaks on.
    """
    sentence = read(caption)
    if sentence is None or any(stem(word) in PHASES for word in (*sentence.first.words, *sentence.second.words)):
        return []
    variants = _one_after_the_other(sentence) if sentence.connective.together else _at_once(sentence)
    return [str(rng.choice(variants))] if variants else []


def _one_after_the_other(sentence: Sentence) -> list[Sentence]:
    variants = [replace(sentence, joint=joint) for joint in (" then ", ", and then ")]
    nominal = sentence.second.cast(Form.NOMINAL)
    return variants + [replace(sentence, joint=" followed by ", second=nominal)] * 2 if nominal else variants


def _at_once(sentence: Sentence) -> list[Sentence]:
    if sentence.shares_subject:
        if any(stem(word) in ONE_AT_A_TIME for word in sentence.second.words):
            return []
        action = sentence.second.cast(Form.NOMINAL)
        return [replace(sentence, joint=" while ", second=action)] if action else []
    clause = sentence.second.cast(Form.FINITE)
    return [replace(sentence, joint=joint, second=clause) for joint in (" while ", " as ")] if clause else []
