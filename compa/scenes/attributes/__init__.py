"""What sounds of one label can differ in, one attribute a file: loudness, pitch, distance, ...

A module of this package with a constant `ATTRIBUTE` is found by `all_attributes`; there is no list to edit. Claims,
captions, plans, edits and the preparation of snippets know an attribute by that object alone.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module

from compa.manifest import Event
from compa.scenes.attributes.attribute import Attribute, judge_value
from compa.scenes.truth import Truth


@lru_cache(maxsize=1)
def all_attributes() -> Mapping[str, Attribute]:
    """Every attribute by its name, sorted."""
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found: list[Attribute] = [module.ATTRIBUTE for module in modules if hasattr(module, "ATTRIBUTE")]
    return {attribute.name: attribute for attribute in sorted(found, key=lambda attribute: attribute.name)}


def variable_attributes() -> tuple[str, ...]:
    """Names of the attributes that a plan can give to a sound; the others come with a recording."""
    return tuple(name for name, attribute in all_attributes().items() if attribute.words)


def default_attributes() -> tuple[str, ...]:
    """Names of the variable attributes that any bank's sounds can have."""
    return tuple(name for name in variable_attributes() if all_attributes()[name].rendered_by != "bank")


def words_of(name: str) -> tuple[str, ...]:
    """The words for an attribute; none where any word is legal."""
    attribute = all_attributes().get(name)
    return attribute.words if attribute else ()


def judge_attribute(name: str, word: str, event: Event, events: Sequence[Event]) -> Truth:
    """Whether the word for an attribute is true of an event among all events of its clip.

    Of an attribute that has no module, it is true of an event with that very value.
    """
    attribute = all_attributes().get(name)
    return attribute.judge(word, event, events) if attribute else judge_value(name, word, event)
