"""Reads a caption as two clauses with a connective between them, and the text before and after."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from negatives.language.clauses import Clause, Form, parse
from negatives.language.inflection import LEXICON

MAX_CONNECTIVES = 3


class TemporalRelation(Enum):
    """How the clauses around a connective relate in time."""

    SEQUENCE = "one after the other"
    SIMULTANEOUS = "at the same time"
    UNSPECIFIED = "not stated"


@dataclass(frozen=True)
class Connective:
    """A way to join two clauses.

    Attributes:
        pattern: Regular expression of the words.
        forms_after: Forms that the clause after it may have.
        relation: How the clauses relate in time.
        second_is_earlier: Whether the second clause of a sequence comes first in time ("after").
    """

    pattern: str
    forms_after: tuple[Form, ...]
    relation: TemporalRelation = TemporalRelation.SEQUENCE
    second_is_earlier: bool = False


CONNECTIVES = (
    Connective(
        r"(?:and )?(?:(?:shortly|immediately|quickly|soon|then) )?(?:followed (?:shortly )?by|leading (?:up )?to)",
        (Form.NOMINAL,),
    ),
    Connective(r"(?:and )?(?:ending|concluding|(?:ends|end|concludes|conclude)) with", (Form.NOMINAL,)),
    Connective(r"preceded by", (Form.NOMINAL,), second_is_earlier=True),
    Connective(r"(?:prior to|preceding)", (Form.NOMINAL,)),
    Connective(r"(?:shortly )?after which", (Form.FINITE,)),
    Connective(r"(?:and )?then", (Form.FINITE, Form.NOMINAL, Form.PREDICATE)),
    Connective(r"(?:(?:shortly|just|right) )?before", (Form.FINITE,)),
    Connective(r"(?:(?:shortly|just|right) )?after", (Form.FINITE,), second_is_earlier=True),
    Connective(r"(?:while|as)", (Form.FINITE,), TemporalRelation.SIMULTANEOUS),
    Connective(r"(?:during|amidst?)", (Form.NOMINAL,), TemporalRelation.SIMULTANEOUS),
)
LOOSE = (
    Connective(r"and", (Form.FINITE, Form.NOMINAL), TemporalRelation.UNSPECIFIED),
    Connective(r"(?:along |together |mixed )?with", (Form.NOMINAL,), TemporalRelation.UNSPECIFIED),
)
"""These are read only in captions without temporal cues."""


def _pattern_of(connectives: tuple[Connective, ...]) -> re.Pattern[str]:
    choices = "|".join(f"({connective.pattern})" for connective in connectives)
    return re.compile(rf"(?:,\s*|\s+)(?:{choices}),?\s+", re.IGNORECASE)


_AND = LOOSE[0]
_TEMPORAL_PATTERN, _LOOSE_PATTERN = _pattern_of(CONNECTIVES), _pattern_of(LOOSE)
_CUES = frozenset(LEXICON["time_cues"].split())
_TIME = re.compile(r"\b(?:follow\w*|then|before|after|preced\w*|prior|while|as|during|amidst?)\b", re.IGNORECASE)
_ODD = re.compile(r"[^\w\s,'’-]")


@dataclass(frozen=True)
class Sentence:
    """Two clauses and what joins them.

    Attributes:
        first: The clause before the connective.
        connective_text: The connective as written, with its comma and spaces.
        second: The clause after the connective.
        connective: What the text is an instance of.
        start: Text before the first clause, which ends with another connective; mostly empty.
        end: Text after the second clause, which begins with another connective, or the full stop.
    """

    first: Clause
    connective_text: str
    second: Clause
    connective: Connective
    start: str = ""
    end: str = ""

    def __str__(self) -> str:
        return as_sentence(f"{self.start}{self.first}{self.connective_text}{self.second}{self.end}")

    @property
    def shares_subject(self) -> bool:
        """Whether the second clause is a further action of the first one's subject: "a car revs, then skids"."""
        if Form.PREDICATE not in self.connective.forms_after or not self.second.is_action:
            return False
        if self.second.starts_with_gerund:
            return self.first.form is Form.NOMINAL and "participle" in self.first.tags
        return self.second.form is Form.PREDICATE or "base" in self.first.tags

    @property
    def is_clear(self) -> bool:
        """Whether it is certain who does what; not in "a car revs and a man speaks, then laughs"."""
        if self.first.form is Form.PREDICATE or self.second.form not in self.connective.forms_after:
            return False
        if self.shares_subject:
            return self.first.subject_length > 0
        acts = self.first.form is Form.FINITE or "participle" in self.first.tags
        may_share = acts and self.second.starts_with_gerund and Form.PREDICATE in self.connective.forms_after
        return not may_share and self.second.form is not Form.PREDICATE


@lru_cache(maxsize=16)
def read(caption: str) -> tuple[Sentence, ...]:
    """Splits a caption at each of its temporal connectives; empty where there is none or the reading is uncertain.

    With several connectives every clause must have its own subject and say something that the others do not.

    Example:
        >>> [sentence] = read("A man speaks followed by a dog barking.")
        >>> str(sentence.first), sentence.connective_text, str(sentence.second)
        ('a man speaks', ' followed by ', 'a dog barking')
    """
    body, end = split_end(caption)
    matches = [] if _CUES.isdisjoint(body.lower().split()) else list(_TEMPORAL_PATTERN.finditer(body))
    if not 0 < len(matches) <= MAX_CONNECTIVES or _ODD.search(body):
        return ()
    sentences = _split(body, end, matches, CONNECTIVES)
    if len(sentences) == 1:
        return sentences
    clauses = [sentence.first for sentence in sentences] + [sentence.second for sentence in sentences[-1:]]
    stand_alone = all(clause.form is not Form.PREDICATE for clause in clauses)
    free = stand_alone and not any(sentence.shares_subject for sentence in sentences)
    return sentences if free and all_distinct(*clauses) else ()


@lru_cache(maxsize=16)
def read_pair(caption: str) -> Sentence | None:
    """Reads a caption of exactly two clauses, joined by a temporal connective or by "and" or "with" alone."""
    if sentences := read(caption):
        return sentences[0] if len(sentences) == 1 else None
    body, end = split_end(caption)
    matches = list(_LOOSE_PATTERN.finditer(body))
    if len(matches) != 1 or "," in body or _ODD.search(body) or _TIME.search(body):
        return None
    [sentence] = _split(body, end, matches, LOOSE) or (None,)
    if sentence is None or sentence.connective is not _AND:
        return sentence
    first, second = sentence.first, sentence.second
    # "Race cars skidding and passing by", "crinkling and crumpling paper"
    shares = "participle" in first.tags and second.is_action
    shares |= first.starts_with_gerund and second.starts_with_gerund and len(second.words) > 1
    return None if shares or first.form is not second.form else sentence


def read_clause(caption: str) -> tuple[Clause | None, str]:
    """Reads a caption that is a single clause: the clause, or None, and the full stop that it ends with, if any."""
    body, end = split_end(caption)
    return (None if _TIME.search(body) or _ODD.search(body) else parse(body)), end


def all_distinct(*clauses: Clause) -> bool:
    """Whether each clause says something that no other says, and none refers to another ("the car")."""
    return not any(
        a.content <= b.content or not a.definite_nouns.isdisjoint(b.words)
        for i, a in enumerate(clauses)
        for j, b in enumerate(clauses)
        if i != j
    )


def _split(
    body: str, end: str, matches: list[re.Match[str]], connectives: tuple[Connective, ...]
) -> tuple[Sentence, ...]:
    starts, ends = [0, *(match.end() for match in matches)], [*(match.start() for match in matches), len(body)]
    clauses = []
    for start, stop in zip(starts, ends, strict=True):
        clause = parse(body[start:stop])
        if clause is None or _TIME.search(body, start, stop):
            return ()
        clauses.append(clause)
    sentences = tuple(
        Sentence(
            clauses[i],
            match[0],
            clauses[i + 1],
            connectives[(match.lastindex or 0) - 1],
            body[: starts[i]],
            body[ends[i + 1] :] + end,
        )
        for i, match in enumerate(matches)
    )
    return sentences if all(sentence.is_clear for sentence in sentences) else ()


@lru_cache(maxsize=16)
def split_end(caption: str) -> tuple[str, str]:
    """A caption with a lower-case first letter, as inside a sentence, and the full stop that it ends with, if any."""
    text = " ".join(caption.split())
    body = text.rstrip(" .")
    head = body.split(" ", 1)[0]
    if head[1:] == head[1:].lower():  # "TV noise" keeps its capitals
        body = body[:1].lower() + body[1:]
    return body, "." if len(text) > len(body) else ""


def as_sentence(text: str) -> str:
    """A text with a capital first letter."""
    return text[:1].upper() + text[1:]
