"""A light grammar of captions: a temporal connective between two clauses, read only where nothing is left to guess.

A clause is *finite* ("a dog barks", "birds are singing"), *nominal* ("a dog barking", "loud barks") or a bare
*predicate* ("barks loudly", whose subject stands in the clause before). Whatever is none of these surely is not read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from negatives.words import (
    ADJECTIVES,
    ADVERBS,
    AUXILIARIES,
    BASE_OF_PARTICIPLE,
    BASE_OF_SINGULAR,
    DETERMINERS,
    EVENT_NOUNS,
    PLURALS,
    PREPOSITIONS,
    REFUSED,
    SINGULAR,
    VERBS,
    is_ing,
    participle,
    singular,
    stem,
)

MAX_CLAUSE_WORDS = 16


class Form(Enum):
    """What a clause can stand after: "followed by" wants a nominal, "while" a finite clause."""

    FINITE = "finite"
    NOMINAL = "nominal"
    PREDICATE = "predicate"


@dataclass(frozen=True)
class Connective:
    """A way to say when the second clause happens.

    Attributes:
        pattern: Regular expression of the words.
        slots: Forms that may follow.
        together: The clauses happen at once; otherwise one after the other.
        backwards: The clause that is said second happens first.
    """

    pattern: str
    slots: tuple[Form, ...]
    together: bool = False
    backwards: bool = False


_NOUN, _CLAUSE = (Form.NOMINAL,), (Form.FINITE,)
CONNECTIVES = (
    Connective(r"(?:(?:shortly|immediately|quickly|soon|closely|then) )?followed (?:shortly |closely )?by", slots=_NOUN),
    Connective(r"(?:shortly )?after which(?: time)?", slots=_CLAUSE),
    Connective(r"(?:and )?then", slots=(Form.FINITE, Form.NOMINAL, Form.PREDICATE)),
    Connective(r"(?:shortly |just |right )?before", slots=_CLAUSE),
    Connective(r"(?:shortly |just |right )?after", backwards=True, slots=_CLAUSE),
    Connective(r"preceded by", backwards=True, slots=_NOUN),
    Connective(r"prior to", slots=_NOUN),
    Connective(r"while", together=True, slots=_CLAUSE),
    Connective(r"as", together=True, slots=_CLAUSE),
)
_JOINT = re.compile(
    r"(?:,\s*|\s+)(?:" + "|".join(f"({connective.pattern})" for connective in CONNECTIVES) + r"),?\s+", re.IGNORECASE
)
_TIME_WORD = re.compile(r"\b(?:followed|follow|follows|following|then|before|after|preceded|prior|while|as)\b", re.I)
_DANGLING = PREPOSITIONS - {"by", "off", "up", "down", "past", "around", "along", "over"} | DETERMINERS | AUXILIARIES | {"and"}
_ODD = re.compile(r"[^\w\s,'’-]")


@dataclass(frozen=True)
class Sentence:
    """A caption as two clauses and what joins them; `joint` keeps the comma and spaces it was written with."""

    first: str
    joint: str
    second: str
    connective: Connective
    end: str = ""

    def __str__(self) -> str:
        text = self.first + self.joint + self.second
        return text[0].upper() + text[1:] + self.end


def read(caption: str) -> Sentence | None:
    """Splits a caption at its only temporal connective; None where there is none, or more, or a clause is unclear.

    Example:
        >>> sentence = read("A man speaks followed by a dog barking.")
        >>> sentence.first, sentence.joint, sentence.second
        ('a man speaks', ' followed by ', 'a dog barking')
    """
    text = " ".join(caption.split())
    body = text.rstrip(" .")
    joints = list(_JOINT.finditer(body))
    if len(joints) != 1 or _ODD.search(body):
        return None
    joint = joints[0]
    first, second = body[: joint.start()], body[joint.end() :]
    if any(_TIME_WORD.search(clause) or not is_plain(clause) for clause in (first, second)):
        return None
    connective = CONNECTIVES[(joint.lastindex or 1) - 1]
    if form(first) in (None, Form.PREDICATE) or form(second) not in connective.slots:
        return None
    return Sentence(lower_first(first), joint[0], lower_first(second), connective, text[len(body) :].strip())


def is_plain(clause: str) -> bool:
    """Whether a clause stands on its own: no pronoun, no word about another clause or time, and something sounds."""
    words = words_of(clause)
    return (
        0 < len(words) <= MAX_CLAUSE_WORDS
        and "," not in clause
        and not REFUSED.intersection(words)
        and words[-1] not in _DANGLING
        and any(is_event_word(word) for word in words)
    )


def lower_first(clause: str) -> str:
    """The clause as it stands inside a sentence ("TV noise" keeps its capitals)."""
    head = clause.split(" ", 1)[0]
    return clause if head[1:] != head[1:].lower() or head == "I" else clause[:1].lower() + clause[1:]


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[\w'’-]+", text.lower())


def stems(text: str) -> frozenset[str]:
    """The stems of all words of a text."""
    return frozenset(map(stem, words_of(text)))


def content(text: str) -> frozenset[str]:
    """The stems of the words that say what sounds and how."""
    skip = DETERMINERS | PREPOSITIONS | AUXILIARIES | {"and"}
    return frozenset(stem(word) for word in words_of(text) if word not in skip)


def form(clause: str) -> Form | None:
    """How a clause is built, or None where the words leave it open."""
    tags = _tag(tuple(words_of(clause)))
    if tags is None:
        return None
    leading = next((tag for tag in tags if tag != "adverb"), "")
    if leading in ("singular", "base"):
        return Form.PREDICATE
    return Form.FINITE if {"singular", "base", "auxiliary"} & set(tags) else Form.NOMINAL


def is_gerund(clause: str) -> bool:
    """Whether a clause begins with an action that nobody is named for: "laughing loudly"."""
    words = words_of(clause)
    while len(words) > 1 and _closed_class(words[0]) == "adverb":
        words = words[1:]
    return is_ing(words[0]) and _follows_verb(words[1:])


def shares_subject(sentence: Sentence) -> bool:
    """Whether the second clause is what the first one's subject does next: "a car revs, then skids"."""
    if Form.PREDICATE not in sentence.connective.slots:
        return False
    first, second = form(sentence.first), form(sentence.second)
    head, *rest = words_of(sentence.second)
    plural_action = head in VERBS and first is Form.FINITE and _follows_verb(rest)
    gerund = first is Form.NOMINAL and is_gerund(sentence.second) and not is_gerund(sentence.first)
    return second is Form.PREDICATE or plural_action or gerund


def subject_of(clause: str) -> str | None:
    """What a finite or participle clause is about, when it is about one thing only: "a car" of "a car revs and skids"."""
    words = words_of(clause)
    tags = _tag(tuple(words)) or ()
    verbs = [i for i, tag in enumerate(tags) if tag in ("singular", "base", "participle")]
    if not verbs or "auxiliary" in tags or verbs[0] == 0:
        return None
    start = verbs[0] - (tags[verbs[0] - 1] == "adverb")
    own = all(tags[i - 1] in ("and", "adverb") for i in verbs[1:]) and tags.count("and") == len(verbs) - 1
    return " ".join(clause.split()[:start]) if own and start else None


def cast(clause: str, wanted: Form) -> str | None:
    """The clause in another form, or as it is where it has that form already; None where it cannot plainly be done."""
    if form(clause) is wanted:
        return clause
    return to_nominal(clause) if wanted is Form.NOMINAL else to_finite(clause)


def to_nominal(clause: str) -> str | None:
    """A clause as a nominal, "a dog barks" → "a dog barking"; None where that is not plain."""
    words = clause.split()
    tags = _tag(tuple(words_of(clause)))
    if tags is None or len(tags) != len(words):
        return None
    result = []
    for i, (word, tag) in enumerate(zip(words, tags, strict=True)):
        if tag == "singular":
            word = participle(BASE_OF_SINGULAR[word])
        elif tag == "base":
            word = participle(word)
        elif tag == "auxiliary":
            if word not in ("is", "are") or tags[i + 1 : i + 2] != ("participle",):
                return None
            continue
        if word != "occurring":
            result.append(word)
    return " ".join(result)


def to_finite(clause: str) -> str | None:
    """A nominal with a participle as a finite clause, "a dog barking" → "a dog barks"; None where that is not plain."""
    words = clause.split()
    tags = _tag(tuple(words_of(clause)))
    subject = subject_of(clause)
    if tags is None or len(tags) != len(words) or subject is None or "participle" not in tags:
        return None
    if "with" in words or not tags[len(subject.split()) - 1].startswith("noun"):
        return None
    plural = tags[len(subject.split()) - 1] == "nouns"
    result = []
    for word, tag in zip(words, tags, strict=True):
        if tag == "participle":
            base = BASE_OF_PARTICIPLE.get(word)
            if base is None:
                return None
            word = base if plural else singular(base)
        result.append(word)
    return " ".join(result)


def _follows_verb(rest: list[str]) -> bool:
    return not rest or _closed_class(rest[0]) in ("adverb", "preposition", "and", "determiner")


def is_event_word(word: str) -> bool:
    """Whether a word names something that sounds or is done."""
    return (
        word in EVENT_NOUNS
        or word in VERBS
        or word in BASE_OF_SINGULAR
        or is_ing(word)
    )


def _is_plural(word: str) -> bool:
    return word in PLURALS or (len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "'s", "’s")))


@lru_cache(maxsize=4096)
def _tag(words: tuple[str, ...]) -> tuple[str, ...] | None:
    """One tag a word, or None where a verb cannot be told from a noun.

    Tags: determiner, preposition, adjective, adverb, auxiliary, and, noun, nouns (plural), and the verb forms singular,
    base, participle. One finite verb a conjunct: what looks like a second one is its object ("makes clicks").
    """
    tags: list[str] = []
    finite_in_conjunct = False
    for i, word in enumerate(words):
        tag = _closed_class(word)
        if tag == "and":
            finite_in_conjunct = False
        if tag is None:
            tag = _open_class(words, i, tags, finite_in_conjunct)
        if tag is None:
            return None
        finite_in_conjunct |= tag in ("singular", "base", "auxiliary")
        tags.append(tag)
    if not _is_uniform(tags):
        return None
    has_verb = any(tag in ("singular", "base", "participle", "auxiliary") for tag in tags)
    if words[:1] and words[0] in SINGULAR and not has_verb and "nouns" in tags and "of" not in words:
        return None  # "a cat mews": an unknown verb, not a plural
    return tuple(tags)


def _is_uniform(tags: list[str]) -> bool:
    """False for "hollow thumps and traffic passing": either a finite verb or a participle was misread."""
    finite = [i for i, tag in enumerate(tags) if tag in ("singular", "base")]
    participles = [i for i, tag in enumerate(tags) if tag == "participle"]
    between = tags[min(finite + participles) : max(participles)] if finite and participles else ["preposition"]
    return "preposition" in between or "auxiliary" in between


def _closed_class(word: str) -> str | None:
    for tag, members in (
        ("determiner", DETERMINERS),
        ("preposition", PREPOSITIONS),
        ("auxiliary", AUXILIARIES),
        ("adjective", ADJECTIVES),
        ("adverb", ADVERBS),
        ("and", ("and",)),
    ):
        if word in members:
            return tag
    if word.endswith("ly") and word not in ("fly", "assembly"):
        return "adverb"
    return None


def _open_class(words: tuple[str, ...], i: int, tags: list[str], finite_in_conjunct: bool) -> str | None:
    word = words[i]
    before = next((tag for tag in reversed(tags) if tag != "adverb"), "")
    finite_before = {"singular", "base", "auxiliary"} & set(tags)
    if is_ing(word):
        has_subject = before in ("noun", "nouns", "auxiliary") or (before == "and" and "participle" in tags)
        return "participle" if has_subject else "noun"
    if word in BASE_OF_SINGULAR:
        if before in ("determiner", "adjective", "preposition") or finite_in_conjunct:
            return "nouns"
        if before == "noun":
            bare_sounds = word == "sounds" and words[0] not in SINGULAR
            return None if bare_sounds else "singular"
        if before == "and":
            return "singular" if "singular" in finite_before else "nouns"
        if before == "nouns":
            return None
        return "singular" if i == 0 or not tags else "nouns"
    if word in VERBS:
        compound = "and" in tags and before == "noun" and not finite_before
        if (before == "nouns" or compound or (before == "and" and "base" in finite_before)) and not finite_in_conjunct:
            return "base"
        return "noun"
    return "nouns" if _is_plural(word) else "noun"
