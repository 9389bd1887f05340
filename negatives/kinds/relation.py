"""Relation: what happens one after the other is said to happen at once, and the other way round."""

from __future__ import annotations

import random
from dataclasses import replace

from negatives.language.clauses import Form
from negatives.language.grammar import Says, Sentence, read
from negatives.language.inflection import ONE_AT_A_TIME, PHASES, stem


def propose(caption: str, rng: random.Random) -> list[str]:
    """Exchanges a connective: "A dog barks, then a man speaks" → "A dog barks while a man speaks".

    Captions about the course of an event ("an engine starts") are refused: an engine that starts after a man
    speaks may well run while he speaks on.
    """
    sentences = read(caption)
    if any(stem(word) in PHASES for sentence in sentences for word in (*sentence.first.words, *sentence.second.words)):
        return []
    texts = []
    for sentence in sentences:
        if sentence.connective.says is Says.TOGETHER:
            variants = _one_after_the_other(sentence)
        elif not any(other.connective.says is Says.TOGETHER for other in sentences):
            variants = _at_once(sentence)
        else:
            continue  # "a man talks while rain falls as a dog barks": nobody talks so
        variants = [new for new in variants if new.joint.split()[-2:] not in _other_joints(sentence, sentences)]
        texts += [str(rng.choice(variants))] if variants else []
    rng.shuffle(texts)
    return texts


def _other_joints(sentence: Sentence, sentences: tuple[Sentence, ...]) -> list[list[str]]:
    """What the caption says already: nobody says "followed by" twice."""
    return [other.joint.split()[-2:] for other in sentences if other is not sentence]


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
