"""What words mean: synonyms, special cases ("dog" of "animal"), and attributes that say the same ("loud", "loudly")."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from negatives.language.inflection import LEXICON, stem

_TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


def _stems(words: str) -> list[str]:
    return [stem(word) for word in words.split()]


_CONCEPT_OF = {word: group[0] for group in map(_stems, _TABLE["same"]) for word in group}


def concept(word: str) -> str:
    """One name for all inflections and synonyms of a word in lower case.

    Example:
        >>> concept("speech") == concept("talking")
        True
    """
    root = stem(word)
    return _CONCEPT_OF.get(root, root)


_PARENTS: dict[str, set[str]] = {}
for _general, _special in _TABLE["kinds"].items():
    for _word in _special.split():
        _PARENTS.setdefault(concept(_word), set()).add(concept(_general))
KNOWN = frozenset({*_CONCEPT_OF.values(), *_PARENTS, *(parent for parents in _PARENTS.values() for parent in parents)})
"""The concepts in the table."""


@lru_cache(maxsize=1 << 12)
def generalizations(name: str) -> frozenset[str]:
    """A concept and all concepts that it is a special case of.

    Example:
        >>> sorted(generalizations("puppy"))
        ['animal', 'dog', 'pet', 'puppy']
    """
    return frozenset({name}.union(*(generalizations(parent) for parent in _PARENTS.get(name, ()))))


def _merged(groups: Iterable[set[str]]) -> list[set[str]]:
    """The groups, those that share a word as one."""
    merged: list[set[str]] = []
    for group in groups:
        overlapping = [other for other in merged if other & group]
        merged = [other for other in merged if not other & group] + [group.union(*overlapping)]
    return merged


_POLES = _merged(
    {phrase.strip() for phrase in phrases}
    for phrases in (
        *(side for pair in LEXICON["opposites"] for side in pair),
        *(line.split(",") for line in _TABLE["same_attribute"]),
    )
)
_ATTRIBUTE_OF = {phrase: min(pole) for pole in _POLES for phrase in pole}
_ATTRIBUTE = re.compile(rf"\b(?:{'|'.join(sorted(_ATTRIBUTE_OF, key=len, reverse=True))})\b")


def attributes(text: str) -> frozenset[str]:
    """The attributes in a text in lower case, under one name for all that say the same.

    Example:
        >>> attributes("a loud bang") == attributes("it bangs loudly")
        True
    """
    return frozenset(_ATTRIBUTE_OF[phrase] for phrase in _ATTRIBUTE.findall(text))
