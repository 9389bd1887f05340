"""Binding: two sources swap their actions."""

from __future__ import annotations

import random
from dataclasses import replace

from negatives.language.clauses import Clause, Form, parse
from negatives.language.grammar import Sentence, read, read_pair
from negatives.language.inflection import BASE_OF_SINGULAR, LEXICON, PARTICLES, VERBS, is_plural, singular, stem

_CLASS_OF = {word: name for name, words in LEXICON["classes"].items() for word in words.split()}
_MEANING_OF = {verb: i for i, group in enumerate(LEXICON["synonyms"].split(";")) for verb in group.split()}
_OF_ALL = {name: frozenset(verbs.split()) for name, verbs in LEXICON["abilities"].items()}
_GROUPS = frozenset(["person", "crowd", "audience"])


def propose(caption: str, rng: random.Random) -> list[str]:
    """Swaps two subjects: "A baby cries while a woman laughs" → "A woman cries while a baby laughs".

    Only within a class whose members can do the same, and where neither subject includes the other ("a person").
    """
    pair = read_pair(caption)
    sentences = read(caption) or ((pair,) if pair else ())
    texts = [str(swapped) for sentence in sentences if (swapped := _swap(sentence))]
    rng.shuffle(texts)
    return texts


def _swap(sentence: Sentence) -> Sentence | None:
    first, second = _split(sentence.first), _split(sentence.second)
    if sentence.shares_subject or first is None or second is None:
        return None
    (subject, action, one_class), (other_subject, other_action, other_class) = first, second
    heads = {stem(subject[-1].lower()), stem(other_subject[-1].lower())}
    if (
        one_class != other_class
        or len(heads) < 2
        or _overlap(heads, first[0], second[0])
        or heads & {stem(word) for word in (*action, *other_action)}
    ):
        return None
    if not _meanings(action).isdisjoint(_meanings(other_action)):
        return None
    clauses = (
        _join(other_subject, action, sentence.second, sentence.first),
        _join(subject, other_action, sentence.first, sentence.second),
    )
    if clauses[0] is None or clauses[1] is None:
        return None
    return replace(sentence, first=clauses[0], second=clauses[1])


def _overlap(heads: set[str], *subjects: tuple[str, ...]) -> bool:
    """Whether one may include the other: "people laugh while two men talk", "a crowd cheers and people speak"."""
    groups = heads & _GROUPS
    return len(groups) > 1 or (len(groups) == 1 and all(is_plural(subject[-1].lower()) for subject in subjects))


def _split(clause: Clause) -> tuple[tuple[str, ...], tuple[str, ...], str] | None:
    """A clause as its subject, what that does, and the subject's class."""
    length = clause.plain_subject
    if not length:
        return None
    subject, action = clause.words[:length], clause.words[length:]
    name = _CLASS_OF.get(subject[-1].lower())
    if name is None or (name in _OF_ALL and not _verbs(action) <= _OF_ALL[name]) or "with" in action:
        return None
    return subject, action, name


def _join(subject: tuple[str, ...], action: tuple[str, ...], subject_of: Clause, like: Clause) -> Clause | None:
    """A clause of one clause's subject and the other's action, in the subject's number."""
    is_plural = "nouns" in subject_of.tags[: len(subject)]
    words = list(action)
    if like.form is Form.FINITE:
        tags = like.tags[-len(action) :]
        for i, (word, name) in enumerate(zip(action, tags, strict=True)):
            if word in ("is", "are"):
                words[i] = "are" if is_plural else "is"
            elif name in ("singular", "base"):
                base = BASE_OF_SINGULAR.get(word, word)
                words[i] = base if is_plural else singular(base)
    return parse(" ".join((*subject, *words)))


def _verbs(action: tuple[str, ...]) -> set[str]:
    return {base for word in action if (base := stem(word)) in VERBS and word not in PARTICLES}


def _meanings(action: tuple[str, ...]) -> set[int | str]:
    return {_MEANING_OF.get(verb, verb) for verb in _verbs(action)}
