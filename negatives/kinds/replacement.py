"""Replacement: one source or action of a caption becomes a similar-sounding one."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from functools import cache

from negatives.language.inflection import stem, words_of
from negatives.language.substitutes import Exchange, Siblings, shipped_table

_GENDERED = frozenset(["man", "woman", "boy", "girl", "male", "female", "guy", "lady"])
_PRONOUNS = frozenset(["he", "she", "his", "her", "him", "hers", "himself", "herself"])


@cache
def _shipped() -> Siblings:
    return Siblings(shipped_table())


def propose(caption: str, rng: random.Random) -> Iterator[str]:
    """Puts a sibling in the place of a source, or of what it does: "A dog barks" → "A cat meows".

    All mentions change together. A sibling that the caption mentions already is none.
    """
    return exchange_siblings(caption, _shipped(), rng)


def exchange_siblings(caption: str, table: Siblings, rng: random.Random) -> Iterator[str]:
    """What a table of siblings makes of a caption: one text a mentioned sound, in random order."""
    words = words_of(caption)
    found = []
    for place, word in enumerate(words):
        for phrase, exchanges in table.phrases.get(word, ()):
            end = place + len(phrase)
            if end > place + 1 and tuple(words[place:end]) != phrase:
                continue
            if (word in table.fixed_words or phrase[-1] in table.fixed_words) and not table.fixed.isdisjoint(
                itertools.pairwise(words[max(0, place - 1) : end + 1])
            ):
                continue
            found.append((phrase, exchanges))
    if not found:
        return
    rng.shuffle(found)
    stems = {stem(word) for word in words}
    fixed_gender = not _PRONOUNS.isdisjoint(words)
    for phrase, exchanges in found:
        if fixed_gender and stem(phrase[-1]) in _GENDERED:
            continue
        free = [exchange for exchange in exchanges if _fits(exchange, words, stems)]
        if free:
            yield rng.choice(free).apply(caption)


def _fits(exchange: Exchange, words: list[str], stems: set[str]) -> bool:
    """Whether the sibling is new to the caption; a source with a voice must use it: "a horse runs" stays."""
    if exchange.new_stem in stems:
        return False
    return len(exchange.words) == 1 or any(word in exchange.words for word in words if word != exchange.phrase)
