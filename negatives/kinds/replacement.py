"""Replacement: one source or action of a caption becomes a similar one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache

from negatives.language.inflection import stem, words_of
from negatives.language.substitutes import Substitutes, Substitution, shipped_table

_GENDERED = frozenset(["man", "woman", "boy", "girl", "male", "female", "guy", "lady"])
_PRONOUNS = frozenset(["he", "she", "his", "her", "him", "hers", "himself", "herself"])


@cache
def _shipped() -> Substitutes:
    return Substitutes(shipped_table())


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Replaces a source, or what it does, by a similar one: "A dog barks" → "A cat meows".

    All mentions change together. A substitute that the caption mentions already is not used.
    """
    return substitute(caption, _shipped(), rng)


def substitute(caption: str, table: Substitutes, rng: random.Random) -> Iterator[str]:
    """What a table of substitutes makes of a caption: one text for each mentioned sound, in random order."""
    words = words_of(caption)
    found = []
    for place, word in enumerate(words):
        for phrase, substitutions in table.phrases.get(word, ()):
            end = place + len(phrase)
            if end > place + 1 and tuple(words[place:end]) != phrase:
                continue
            if (word in table.fixed_words or phrase[-1] in table.fixed_words) and not table.fixed.isdisjoint(
                itertools.pairwise(words[max(0, place - 1) : end + 1])
            ):
                continue
            found.append((phrase, substitutions))
    if not found:
        return
    rng.shuffle(found)
    stems = {stem(word) for word in words}
    fixed_gender = not _PRONOUNS.isdisjoint(words)
    for phrase, substitutions in found:
        if fixed_gender and stem(phrase[-1]) in _GENDERED:
            continue
        fitting = [substitution for substitution in substitutions if _fits(substitution, words, stems)]
        if fitting:
            yield rng.choice(fitting).apply(caption)


def _fits(substitution: Substitution, words: list[str], stems: set[str]) -> bool:
    """Whether the substitute is new to the caption; a source with a voice must use it: "a horse runs" stays."""
    if substitution.new_stem in stems:
        return False
    return len(substitution.words) == 1 or any(
        word in substitution.words for word in words if word != substitution.phrase
    )
