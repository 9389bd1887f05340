"""The templates: each holds its slots and its mark, and none stands for two relations or for both orders of time."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from compa.scenes.attributes import all_attributes
from compa.scenes.captions.templates import MARKS, joins, templates

SIGNS = ("", ",", ";", ".")
SLOTS = {"louder": "ab", "whole": "x", "absent": "xy", "nothing": "y", "count": "nx", "speech": ("speaker", "words")}


def strongest_mark(template: str) -> int:
    return max((SIGNS.index(sign) for sign in re.findall("[,;.]", template)), default=0)


def flaws(mark: str, template: str) -> Iterator[str]:
    if sorted(re.findall(r"{(\w*)}", template)) != ["a", "b"]:
        yield "slots"
    if strongest_mark(template) != MARKS.index(mark) or "(" in template:
        yield "mark"


def swapped(template: str) -> str:
    return template.replace("{a}", "{_}").replace("{b}", "{a}").replace("{_}", "{b}")


def words(template: str) -> str:
    return " ".join(re.sub("[,;.]", " ", template).split())


def conflicts(relations: dict[str, dict[str, list[str]]]) -> list[str]:
    """Templates that also stand for another relation, or for the other order of time."""
    meaning: dict[str, tuple[str, bool]] = {}
    found = []
    for relation, by_mark in relations.items():
        for template in (template for group in by_mark.values() for template in group):
            for text, is_swapped in ((template, False), (swapped(template), True)):
                said = (relation, is_swapped and relation == "then")
                if meaning.setdefault(words(text), said) != said:
                    found.append(template)
    return found


def test_relations_have_their_slots_and_marks_and_one_meaning() -> None:
    relations = {name: templates()[name] for name in ("then", "while")}
    for by_mark in relations.values():
        assert tuple(by_mark) == MARKS
        for mark, group in by_mark.items():
            assert [(template, *flaws(mark, template)) for template in group] == [(t,) for t in group]
    assert conflicts(relations) == []


@pytest.mark.parametrize("template", ["{a} with {b}", "{b} then {a}"])
def test_a_template_of_two_meanings_is_found(template: str) -> None:
    relations = {name: dict(templates()[name]) for name in ("then", "while")}
    relations["then"]["none"] = [*relations["then"]["none"], template]
    assert conflicts(relations)


@pytest.mark.parametrize("name", SLOTS)
def test_other_templates_have_their_slots_and_no_strong_mark(name: str) -> None:
    for template in templates()[name]:
        assert sorted(re.findall(r"{(\w*)}", template)) == sorted(SLOTS[name])
        assert strongest_mark(template) <= (1 if name == "absent" else 0)


def test_joins_are_sorted_by_mention_order() -> None:
    assert joins("then", 0, True).pairs[0] == "{0} then {1}"
    assert "{0} after {1}" in joins("then", 0, False).pairs
    assert " after " in joins("then", 0, False).infixes
    for relation in ("then", "while"):
        for strength in range(len(MARKS)):
            assert joins(relation, strength, True).infixes


def test_templates_of_attributes_hold_their_sound_and_name_one_word() -> None:
    meaning: dict[str, tuple[str, str]] = {}
    for name, attribute in all_attributes().items():
        assert attribute.words or attribute.templates_without_label
        assert all(text.count("{word}") == 1 for text in attribute.templates_without_label)
        for word, group in attribute.templates.items():
            assert any(template.startswith("{x}") for template in group), (name, word)  # for labels that are sentences
            for template in group:
                assert template.count("{x}") == 1
                assert strongest_mark(template) == 0
                assert meaning.setdefault(template, (name, word)) == (name, word)
