"""A small part-of-speech tagger for captions of sounds, which gives up where it is in doubt."""

from __future__ import annotations

from collections.abc import Sequence

from negatives.language.inflection import (
    ADJECTIVES,
    ADVERBS,
    AUXILIARIES,
    BASE_OF_SINGULAR,
    DETERMINERS,
    PEOPLE,
    PREPOSITIONS,
    SINGULAR,
    VERBS,
    is_ing,
    is_plural,
)

FINITE = frozenset(["singular", "base", "auxiliary"])
VERB = frozenset(["singular", "base", "participle"])
_CLOSED = {
    "adverb": ADVERBS,
    "adjective": ADJECTIVES,
    "auxiliary": AUXILIARIES,
    "preposition": PREPOSITIONS,
    "determiner": DETERMINERS,
    "and": {"and"},
    "participle": {"being"},  # "an engine (is) being revved"
}
_AFTER_SUBJECT = AUXILIARIES | PREPOSITIONS | {"and"}
_TAG_OF = {word: name for name, words in _CLOSED.items() for word in words}


def tag(words: Sequence[str]) -> tuple[str, ...] | None:
    """Tags the words of a clause, in lower case; None where a word may be a verb or a noun.

    Tags: determiner, preposition, adjective, adverb, auxiliary, and, noun, nouns (plural), and the verb forms
    singular, base, participle. A gerund without a subject is a noun.

    Example:
        >>> tag("a dog barks and people laugh".split())
        ('determiner', 'noun', 'singular', 'and', 'nouns', 'base')
    """
    tags: list[str] = []
    for i, word in enumerate(words):
        found = _TAG_OF.get(word)
        if found == "adjective" and word in PEOPLE and _ends_subject(words, i):
            found = "noun"
        found = found or _by_ending(word) or _noun_or_verb(words, i, tags)
        if found is None:
            return None
        tags.append(found)
    verbs = [i for i, name in enumerate(tags) if name in FINITE | VERB]
    one_thing = words[0] in SINGULAR and "nouns" in tags and "of" not in words
    if not verbs and (one_thing or tags[:2] == ["nouns", "noun"]):
        return None  # "a cat mewls", "expresses delight": an unknown verb rather than a plural
    is_mixed = not {"singular", "base"}.isdisjoint(tags) and "participle" in tags
    if is_mixed and {"preposition", "auxiliary"}.isdisjoint(tags[verbs[0] : verbs[-1]]):
        return None  # "hollow thumps and traffic passing": one of the two was misread
    return tuple(tags)


def _ends_subject(words: Sequence[str], i: int) -> bool:
    """Whether only a verb can come next: "an adult male | speaks", but "male speech"."""
    follower = words[i + 1] if i + 1 < len(words) else "and"
    return follower in BASE_OF_SINGULAR or follower in _AFTER_SUBJECT or is_ing(follower) or follower.endswith("ly")


def _by_ending(word: str) -> str | None:
    if word.endswith("ly") and word != "fly":
        return "adverb"
    return "adjective" if word.endswith("ed") and len(word) > 4 else None


def _noun_or_verb(words: Sequence[str], i: int, tags: list[str]) -> str | None:
    """Decides by the words before; a conjunct has one finite verb, an apparent second one is its object."""
    word = words[i]
    noun = "nouns" if is_plural(word) else "noun"
    before = next((name for name in reversed(tags) if name != "adverb"), "start")
    conjunct = tags[len(tags) - tags[::-1].index("and") :] if "and" in tags else tags
    if is_ing(word):
        follower = words[i + 1] if i + 1 < len(words) else ""
        is_noun = follower == "of" or follower in BASE_OF_SINGULAR  # "the humming of bees", "clicking occurs"
        has_subject = before in ("noun", "nouns", "auxiliary") or (before == "and" and "participle" in tags)
        return "participle" if has_subject and not is_noun else "noun"
    if not FINITE.isdisjoint(conjunct) or words[i + 1 : i + 2] == ["of"]:
        return noun  # "screams of fireworks"
    if word in BASE_OF_SINGULAR:
        if before == "nouns" or (before == "noun" and word == "sounds" and words[0] not in SINGULAR):
            return None  # "gunshots echoes", "engine sounds"
        return "singular" if before in ("start", "noun") or (before == "and" and "singular" in tags) else noun
    if word in VERBS:
        two_subjects = before == "noun" and "and" in tags and FINITE.isdisjoint(tags)
        return "base" if before == "nouns" or two_subjects or (before == "and" and "base" in tags) else noun
    return noun
