"""The words of `lexicon.yaml`, and how verbs inflect."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

_LEXICON: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("lexicon.yaml").read_text(encoding="utf-8"))

VERBS, PHASES, ONE_AT_A_TIME, EVENT_NOUNS, NOT_PARTICIPLES = (
    frozenset(_LEXICON[name].split()) for name in ("verbs", "phases", "one_at_a_time", "event_nouns", "not_participles")
)
DETERMINERS, SINGULAR, PLURALS = (frozenset(_LEXICON[name].split()) for name in ("determiners", "singular", "plurals"))
PREPOSITIONS, PARTICLES, AUXILIARIES, ADJECTIVES, ADVERBS, REFUSED = (
    frozenset(_LEXICON[name].split())
    for name in ("prepositions", "particles", "auxiliaries", "adjectives", "adverbs", "refused")
)
SCALES: dict[str, tuple[dict[str, str], dict[str, str]]] = _LEXICON["scales"]
ADVERB_OF = {adjective: adverb for poles in SCALES.values() for pole in poles for adjective, adverb in pole.items()}
ADJECTIVE_OF: dict[str, str] = {adverb: adjective for adjective, adverb in ADVERB_OF.items() if adverb}
ADJECTIVE_OF |= _LEXICON["more_adverbs"]


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


BASE_OF_SINGULAR = {singular(verb): verb for verb in VERBS} | {"echos": "echo"}
BASE_OF_PARTICIPLE = {participle(verb): verb for verb in VERBS}


def words_of(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.findall(r"[\w'’-]+", text.lower())


def stem(word: str) -> str:
    """One form for all inflections of a word in lower case."""
    base = BASE_OF_SINGULAR.get(word) or BASE_OF_PARTICIPLE.get(word)
    if base or word in VERBS:
        return base or word
    word = word.removesuffix("ly")
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def is_ing(word: str) -> bool:
    """Whether a word is a participle or gerund."""
    unknown = len(word) > 5 and word.endswith("ing") and word not in NOT_PARTICIPLES | VERBS
    return unknown or word in BASE_OF_PARTICIPLE


def is_plural(word: str) -> bool:
    """Whether a noun is a plural."""
    regular = len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "'s", "’s"))
    return regular or word in PLURALS


def is_event(word: str) -> bool:
    """Whether a word names something that sounds or is done."""
    return word in VERBS or word in EVENT_NOUNS or word in BASE_OF_SINGULAR or is_ing(word)
