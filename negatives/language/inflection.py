"""The words of `lexicon.yaml`, and how they inflect."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

LEXICON: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("lexicon.yaml").read_text(encoding="utf-8"))

VERBS, PHASES, ONE_AT_A_TIME, EVENT_NOUNS, NOT_PARTICIPLES = (
    frozenset(LEXICON[name].split()) for name in ("verbs", "phases", "one_at_a_time", "event_nouns", "not_participles")
)
DETERMINERS, SINGULAR, PLURALS = (frozenset(LEXICON[name].split()) for name in ("determiners", "singular", "plurals"))
PREPOSITIONS, PARTICLES, AUXILIARIES, ADJECTIVES, ADVERBS, REFUSED, PEOPLE = (
    frozenset(LEXICON[name].split())
    for name in ("prepositions", "particles", "auxiliaries", "adjectives", "adverbs", "refused", "people")
)
SCALES: dict[str, tuple[dict[str, str], dict[str, str]]] = LEXICON["scales"]
ADVERB_OF = {adjective: adverb for poles in SCALES.values() for pole in poles for adjective, adverb in pole.items()}
ADJECTIVE_OF: dict[str, str] = {adverb: adjective for adjective, adverb in ADVERB_OF.items() if adverb}
ADJECTIVE_OF |= LEXICON["more_adverbs"]
ARTICLES = frozenset(["a", "an", "the", "some", "any"])
DENIALS = frozenset(["no", "not", "without", "nothing", "nobody"])
COUNTS = (DETERMINERS - ARTICLES) | frozenset(["times", "time", "twice", "once", "repeatedly", "single"])
CONNECTIVES = frozenset(LEXICON["connectives"].split())
FILLERS = PREPOSITIONS | AUXILIARIES | CONNECTIVES | ARTICLES | frozenset(["occurs", "occur", "occurring"])
"""Words that name neither a source, an action nor an attribute."""
ATTRIBUTES = (
    frozenset(word for words in (*ADVERB_OF, *ADJECTIVE_OF) for word in words.split())
    | frozenset(word for poles in LEXICON["opposites"] for pole in poles for words in pole for word in words.split())
    | ADJECTIVES
    | ADVERBS
)


def participle(verb: str) -> str:
    """The -ing form of a base form: run → running."""
    if verb.endswith("ie"):
        return verb[:-2] + "ying"
    if verb.endswith("e") and not verb.endswith("ee"):
        return verb[:-1] + "ing"
    one_syllable = re.fullmatch(r"(?:.*-)?[^aeiou]*[aeiou][^aeiouwxy]", verb)
    return verb + (verb[-1] if one_syllable or verb in ("begin", "occur", "quit") else "") + "ing"


def singular(verb: str) -> str:
    """The third person singular of a base form: cry → cries."""
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + ("es" if re.search(r"(s|sh|ch|x|z|[^o]o)$", verb) else "s")


def past(verb: str) -> str:
    """The regular past form of a base form: rev → revved."""
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    return participle(verb)[:-3] + "ed"


def plural(noun: str) -> str:
    """The plural of a noun: man → men, child → children, sheep → sheep, bus → buses."""
    return PLURAL_OF.get(noun) or singular(noun)


def with_article(text: str) -> str:
    """A text whose indefinite articles fit the words after them: "a engine" → "an engine"."""
    return _ARTICLE.sub(_fit_article, text)


def _fit_article(match: re.Match[str]) -> str:
    article = match[1][0] + ("n" if _VOWEL.match(match[2]) else "")
    return f"{article} {match[2]}"


_WORD = re.compile(r"[\w'’-]+")
_ARTICLE = re.compile(r"\b([Aa]n?) ([\w-]+)")
_VOWEL = re.compile(r"(?!uni|use|usual|one\b|once|eu)[aeiou]|hour|honest", re.IGNORECASE)
PLURAL_OF: dict[str, str] = LEXICON["plural_of"]
SINGULAR_OF = {many: one for one, many in PLURAL_OF.items()}
COUNTABLE = frozenset(LEXICON["countable"].split()) | PLURAL_OF.keys()
BASE_OF_PAST = {past(verb): verb for verb in VERBS}
BASE_OF_SINGULAR = {singular(verb): verb for verb in VERBS} | {"echos": "echo"}
BASE_OF_PARTICIPLE = {participle(verb): verb for verb in VERBS}


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return _WORD.findall(text.lower())


@lru_cache(maxsize=1 << 15)
def stem(word: str) -> str:
    """One form for all inflections of a word in lower case."""
    base = BASE_OF_SINGULAR.get(word) or BASE_OF_PARTICIPLE.get(word) or BASE_OF_PAST.get(word) or SINGULAR_OF.get(word)
    if base or word in VERBS:
        return base or word
    word = word.removesuffix("ly")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


@lru_cache(maxsize=1 << 15)
def is_ing(word: str) -> bool:
    """Whether a word is a participle or gerund."""
    unknown = len(word) > 5 and word.endswith("ing") and word not in NOT_PARTICIPLES | VERBS
    return unknown or word in BASE_OF_PARTICIPLE


def is_plural(word: str) -> bool:
    """Whether a noun is a plural."""
    regular = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "'s", "’s"))
    return regular or word in PLURALS


def is_event(word: str) -> bool:
    """Whether a word names a sound or an action."""
    return word in VERBS or word in EVENT_NOUNS or word in BASE_OF_SINGULAR or word in BASE_OF_PAST or is_ing(word)
