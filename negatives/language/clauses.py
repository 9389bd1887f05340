"""Clauses: the parts of a caption that each name an event.

A clause is *finite* ("a dog barks", "birds are singing"), *nominal* ("a dog barking", "loud barks") or a bare
*predicate* ("barks loudly", whose subject is that of the clause before).
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from enum import Enum
from functools import cached_property, lru_cache

from negatives.language.inflection import (
    AUXILIARIES,
    BASE_OF_PARTICIPLE,
    BASE_OF_SINGULAR,
    DETERMINERS,
    PARTICLES,
    PREPOSITIONS,
    REFUSED,
    VERBS,
    is_event,
    is_ing,
    participle,
    singular,
    stem,
)
from negatives.language.tags import FINITE, VERB, tag

MAX_WORDS = 16
_UNFINISHED = DETERMINERS | AUXILIARIES | {"and"} | (PREPOSITIONS - PARTICLES)
_CONTENT = VERB | {"noun", "nouns", "adjective", "adverb"}


class Form(Enum):
    """The grammatical form of a clause: "followed by" needs a nominal one, "while" a finite one."""

    FINITE = "finite"
    NOMINAL = "nominal"
    PREDICATE = "predicate"


@dataclass(frozen=True)
class Clause:
    """The words of a clause, and their tags (see `negatives.language.tags`)."""

    words: tuple[str, ...]
    tags: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(self.words)

    @cached_property
    def form(self) -> Form:
        """The grammatical form."""
        if self.tags[self._lead] == "singular":
            return Form.PREDICATE
        return Form.NOMINAL if FINITE.isdisjoint(self.tags) else Form.FINITE

    @cached_property
    def content(self) -> frozenset[str]:
        """Stems of the words that name the event and its attributes."""
        return frozenset(stem(word) for word, name in self._tagged if name in _CONTENT)

    @cached_property
    def definite_nouns(self) -> frozenset[str]:
        """Words after "the", which mostly refer to something mentioned before."""
        return frozenset(noun for article, noun in itertools.pairwise(self.words) if article == "the")

    @cached_property
    def subject_length(self) -> int:
        """Words before the verb, if all verbs share one subject ("a car revs and skids": 2), or 0."""
        verbs = [i for i, name in enumerate(self.tags) if name in VERB]
        shared = all(self.tags[i - 1] == "and" for i in verbs[1:]) and self.tags.count("and") == len(verbs) - 1
        if not verbs or not shared or "auxiliary" in self.tags:
            return 0
        return verbs[0] - (self.tags[verbs[0] - 1] == "adverb")

    @cached_property
    def plain_subject(self) -> int:
        """Words of a subject that is one noun with its determiner and adjectives, before a verb, or 0."""
        length = self.subject_length
        if not length and "auxiliary" in self.tags:
            length = self.tags.index("auxiliary")
        if not length or self.tags[length - 1] not in ("noun", "nouns"):
            return 0
        return length if {"determiner", "adjective"}.issuperset(self.tags[: length - 1]) else 0

    @property
    def starts_with_gerund(self) -> bool:
        """Whether it begins with an -ing word: "laughing loudly", "running water"."""
        return is_ing(self.words[self._lead])

    @cached_property
    def is_action(self) -> bool:
        """Whether it could be a further action of an earlier subject: "suddenly skids", "flying away", "laugh"."""
        joined = [i + 1 for i, name in enumerate(self.tags) if name == "and"]
        if not all(self.tags[i] in VERB or is_ing(self.words[i]) for i in joined):
            return False
        is_verb = self.starts_with_gerund or self.words[self._lead] in VERBS
        object_tags = self.tags[self._lead + 1 : self._lead + 2]
        return self.form is Form.PREDICATE or (is_verb and object_tags not in (("noun",), ("nouns",), ("adjective",)))

    def cast(self, wanted: Form) -> Clause | None:
        """The clause in another form, "a dog barks" as "a dog barking"; None where that is uncertain."""
        if self.form is wanted:
            return self
        words = self._nominal() if wanted is Form.NOMINAL else self._finite()
        clause = parse(" ".join(words))
        return clause if clause and clause.form is wanted else None

    def _nominal(self) -> list[str]:
        words: list[str] = []
        for i, (word, name) in enumerate(self._tagged):
            follower = self.words[i + 1 : i + 2]
            if name == "auxiliary" and (word not in ("is", "are") or self.tags[i + 1 : i + 2] != ("participle",)):
                return []
            if name in ("singular", "base"):
                if any(map(is_ing, follower)):
                    return []  # "starting singing"
                word = participle(BASE_OF_SINGULAR.get(word, word))
            if name != "auxiliary" and word != "occurring":
                words.append(word)
        return words

    def _finite(self) -> list[str]:
        head = self.tags[self.subject_length - 1] if self.subject_length else ""
        verbs = {word: BASE_OF_PARTICIPLE.get(word) for word, name in self._tagged if name == "participle"}
        if head not in ("noun", "nouns") or "with" in self.words:
            return []
        finite = {word: base if head == "nouns" else singular(base) for word, base in verbs.items() if base}
        return [finite.get(word, word) for word in self.words]

    @property
    def _tagged(self) -> tuple[tuple[str, str], ...]:
        return tuple(zip(self.words, self.tags, strict=True))

    @cached_property
    def _lead(self) -> int:
        """Index of the first word that is not an adverb."""
        return next((i for i, name in enumerate(self.tags) if name != "adverb"), 0)


@lru_cache(maxsize=1024)
def parse(text: str) -> Clause | None:
    """Reads a clause; None if it depends on another one, names no event, or a verb may be a noun."""
    words = tuple(text.split())
    lower = [word.lower() for word in words]
    if not 0 < len(words) <= MAX_WORDS or "," in text or lower[-1] in _UNFINISHED:
        return None
    if not REFUSED.isdisjoint(lower) or not any(map(is_event, lower)):
        return None
    tags = tag(lower)
    if tags is None or tags[0] in ("preposition", "participle", "auxiliary") or tags == ("adjective",):
        return None  # "being pushed open", "is throttled down", "stirred": the subject was named before
    return Clause(words, tags)
