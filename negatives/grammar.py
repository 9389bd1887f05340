"""A caption as two clauses and the one connective of time between them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from negatives.clauses import Clause, Form, parse


@dataclass(frozen=True)
class Connective:
    """A way to say when the second clause happens.

    Attributes:
        pattern: Regular expression of the words.
        slots: Forms that may follow.
        together: The clauses happen at once; otherwise one after the other.
    """

    pattern: str
    slots: tuple[Form, ...]
    together: bool = False


CONNECTIVES = (
    Connective(r"(?:(?:shortly|immediately|quickly|soon|then) )?followed (?:shortly )?by", (Form.NOMINAL,)),
    Connective(r"(?:preceded by|prior to)", (Form.NOMINAL,)),
    Connective(r"(?:shortly )?after which", (Form.FINITE,)),
    Connective(r"(?:and )?then", (Form.FINITE, Form.NOMINAL, Form.PREDICATE)),
    Connective(r"(?:(?:shortly|just|right) )?(?:before|after)", (Form.FINITE,)),
    Connective(r"(?:while|as)", (Form.FINITE,), together=True),
)
_CHOICES = "|".join(f"({connective.pattern})" for connective in CONNECTIVES)
_JOINT = re.compile(rf"(?:,\s*|\s+)(?:{_CHOICES}),?\s+", re.IGNORECASE)
_TIME = re.compile(r"\b(?:follow\w*|then|before|after|preced\w*|prior|while|as)\b", re.IGNORECASE)
_ODD = re.compile(r"[^\w\s,'’-]")


@dataclass(frozen=True)
class Sentence:
    """A caption as two clauses and what joins them, with the comma and spaces it was written with."""

    first: Clause
    joint: str
    second: Clause
    connective: Connective
    end: str = ""

    def __str__(self) -> str:
        return as_sentence(f"{self.first}{self.joint}{self.second}{self.end}")

    @property
    def shares_subject(self) -> bool:
        """Whether the second clause is what the first one's subject does next: "a car revs, then skids"."""
        if Form.PREDICATE not in self.connective.slots or not self.second.is_action:
            return False
        if self.second.starts_with_gerund:
            return self.first.form is Form.NOMINAL and "participle" in self.first.tags
        return self.second.form is Form.PREDICATE or "base" in self.first.tags

    @property
    def is_clear(self) -> bool:
        """False for "a car revs and a man speaks, then laughs", "a man speaks, then playing music"."""
        if self.first.form is Form.PREDICATE or self.second.form not in self.connective.slots:
            return False
        if self.shares_subject:
            return self.first.subject_length > 0
        acts = self.first.form is Form.FINITE or "participle" in self.first.tags
        may_share = acts and self.second.starts_with_gerund and Form.PREDICATE in self.connective.slots
        return not may_share and self.second.form is not Form.PREDICATE


@lru_cache(maxsize=16)
def read(caption: str) -> Sentence | None:
    """Splits a caption at its only connective of time; None where there is none, or several, or doubt.

    Example:
        >>> sentence = read("A man speaks followed by a dog barking.")
        >>> str(sentence.first), sentence.joint, str(sentence.second)
        ('a man speaks', ' followed by ', 'a dog barking')
    """
    body, end = split_end(caption)
    joints = list(_JOINT.finditer(body))
    if len(joints) != 1 or _ODD.search(body):
        return None
    [joint] = joints
    texts = body[: joint.start()], body[joint.end() :]
    first, second = map(parse, texts)
    if first is None or second is None or any(map(_TIME.search, texts)):
        return None
    sentence = Sentence(first, joint[0], second, CONNECTIVES[(joint.lastindex or 0) - 1], end)
    return sentence if sentence.is_clear else None


def split_end(caption: str) -> tuple[str, str]:
    """A caption as it would stand inside a sentence, and the full stop that it ends with, if any."""
    text = " ".join(caption.split())
    body = text.rstrip(" .")
    head = body.split(" ", 1)[0]
    if head[1:] == head[1:].lower():  # "TV noise" keeps its capitals
        body = body[:1].lower() + body[1:]
    return body, "." if len(text) > len(body) else ""


def as_sentence(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]
