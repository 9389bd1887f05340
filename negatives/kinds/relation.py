"""Relation: successive events become simultaneous, and simultaneous ones successive."""

from __future__ import annotations

import random
from dataclasses import replace

from negatives.language.clauses import Form
from negatives.language.grammar import Sentence, TemporalRelation, read
from negatives.language.inflection import ONE_AT_A_TIME, PHASES, stem


def propose(caption: str, rng: random.Random) -> list[str]:
    """Replaces a connective: "A dog barks, then a man speaks" → "A dog barks while a man speaks".

    Captions about the phase of an event ("an engine starts") are refused: an engine that starts after a man speaks
    may run while he continues.
    """
    sentences = read(caption)
    if any(stem(word) in PHASES for sentence in sentences for word in (*sentence.first.words, *sentence.second.words)):
        return []
    texts = []
    for sentence in sentences:
        if sentence.connective.relation is TemporalRelation.SIMULTANEOUS:
            variants = _one_after_the_other(sentence)
        elif not any(other.connective.relation is TemporalRelation.SIMULTANEOUS for other in sentences):
            variants = _at_once(sentence)
        else:
            continue  # "a man talks while rain falls as a dog barks": not idiomatic
        variants = [
            new for new in variants if new.connective_text.split()[-2:] not in _other_connectives(sentence, sentences)
        ]
        texts += [str(rng.choice(variants))] if variants else []
    rng.shuffle(texts)
    return texts


def _other_connectives(sentence: Sentence, sentences: tuple[Sentence, ...]) -> list[list[str]]:
    """The caption's other connectives: repeating "followed by" is not idiomatic."""
    return [other.connective_text.split()[-2:] for other in sentences if other is not sentence]


def _one_after_the_other(sentence: Sentence) -> list[Sentence]:
    variants = [replace(sentence, connective_text=text) for text in (" then ", ", and then ")]
    nominal = sentence.second.cast(Form.NOMINAL)
    return variants + [replace(sentence, connective_text=" followed by ", second=nominal)] * 2 if nominal else variants


def _at_once(sentence: Sentence) -> list[Sentence]:
    if sentence.shares_subject:
        if any(stem(word) in ONE_AT_A_TIME for word in sentence.second.words):
            return []
        action = sentence.second.cast(Form.NOMINAL)
        return [replace(sentence, connective_text=" while ", second=action)] if action else []
    clause = sentence.second.cast(Form.FINITE)
    return [replace(sentence, connective_text=text, second=clause) for text in (" while ", " as ")] if clause else []
