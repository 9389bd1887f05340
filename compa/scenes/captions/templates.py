"""Phrasings: the templates that claims are put in words with, ours and a user's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import yaml

MARKS = ("none", "comma", "semicolon", "stop")
"""How parts are set apart, from the weakest to the strongest."""
_SIGNS = ("", ",", ";", ".")
_SLOTS = {
    "then": "ab", "while": "ab", "louder": "ab", "whole": "x", "absent": "xy", "nothing": "y", "count": "nx",
}  # fmt: skip
_BUILT_IN = Path(__file__).with_name("templates.yaml")


@dataclass(frozen=True)
class Joins:
    """The ways to join parts at one mark, in one mention order.

    Attributes:
        pairs: Templates for two parts, `{0}` mentioned first.
        infixes: What can stand between any number of parts.
    """

    pairs: tuple[str, ...]
    infixes: tuple[str, ...]


class Phrasings:
    """Checked templates.

    Args:
        templates: As in `phrasings.yaml`.
        where: What messages call it.

    Raises:
        ValueError: If a template lacks a slot, holds a mark that it must not, or says two things.
    """

    def __init__(self, templates: Mapping[str, Any], where: str) -> None:
        self.templates = templates
        self._where = where
        for name in ("then", "while"):
            for mark in MARKS:
                for template in self._list(templates, name, mark):
                    self._check(template, "ab", f"{name}, {mark}", MARKS.index(mark))
        for name in ("louder", "whole", "absent", "nothing", "count"):
            for template in self._list(templates, name):
                self._check(template, _SLOTS[name], name, MARKS.index("comma") if name == "absent" else 0)
        self._check_one_meaning()

    @cached_property
    def joins(self) -> dict[tuple[str, int, bool], Joins]:
        """By relation, strength of the mark, and whether mention order is time order."""
        found = {}
        for name in ("then", "while"):
            for strength, mark in enumerate(MARKS):
                templates = self._list(self.templates, name, mark)
                for forward in (True, False):
                    first, last = ("{a}", "{b}") if forward else ("{b}", "{a}")
                    ours = [t for t in templates if t.index(first) < t.index(last)]
                    pairs = tuple(t.replace(first, "{0}").replace(last, "{1}") for t in ours)
                    infixes = tuple(t[3:-3] for t in ours if t.startswith(first) and t.endswith(last))
                    found[name, strength, forward] = Joins(pairs, infixes)
        return found

    def _list(self, templates: Mapping[str, Any], *names: str) -> Sequence[str]:
        value: Any = templates
        for name in names:
            value = value[name]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value) or not value:
            raise ValueError(f"{self._where}: {', '.join(names)} must be a list of texts in quotes")
        return value

    def _check(self, template: str, slots: str, where: str, strength: int) -> None:
        if sorted(re.findall(r"{(\w*)}", template)) != sorted(slots):
            needed = " and ".join(f"{{{slot}}}" for slot in slots)
            raise ValueError(f"{self._where}: {where}: {template!r} must hold {needed}, each once")
        marks = [_SIGNS.index(sign) for sign in re.findall("[,;.]", template)]
        if max(marks, default=0) != strength or "(" in template:
            raise ValueError(
                f"{self._where}: {where}: {template!r} must hold {_SIGNS[strength] or 'no mark'!r}, and no stronger "
                "mark or bracket: what is said inside what is told by them"
            )

    def _check_one_meaning(self) -> None:
        """No template may stand for two relations, or for both orders of time."""
        seen: dict[str, str] = {}
        for name in ("then", "while"):
            for mark in MARKS:
                for template in self._list(self.templates, name, mark):
                    orders = (template,) if name == "then" else (template, _swapped(template))
                    for order in orders:
                        words = " ".join(re.sub("[,;.]", " ", order).split())
                        if seen.setdefault(words, name) != name or (
                            name == "then" and seen.get(" ".join(re.sub("[,;.]", " ", _swapped(order)).split())) == name
                        ):
                            raise ValueError(f"{self._where}: {template!r} says two different things")


@lru_cache(maxsize=8)
def read_phrasings(path: Path | None = None) -> Phrasings:
    """The built-in phrasings, with those of a YAML file of the same form added.

    Raises:
        ValueError: If the file is not of that form.
    """
    ours = yaml.safe_load(_BUILT_IN.read_text(encoding="utf-8"))
    if path is None:
        return Phrasings(ours, _BUILT_IN.name)
    try:
        theirs = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is no YAML: {error}") from None
    except OSError as error:
        raise ValueError(f"the phrasings {path} cannot be read ({error.strerror}): give a YAML file") from None
    return Phrasings(_merged(ours, theirs, str(path)), str(path))


def _merged(ours: Any, theirs: Any, where: str) -> Any:
    if isinstance(ours, list):
        if not isinstance(theirs, list):
            raise ValueError(f"{where} must be a list of texts, such as {ours[0]!r}")
        return [*ours, *(item for item in theirs if item not in ours)]
    if not isinstance(theirs, dict):
        raise ValueError(f"{where} must hold some of: {', '.join(ours)}")
    if unknown := [str(name) for name in theirs if name not in ours]:
        raise ValueError(f"{where}: {unknown[0]!r} is none of {', '.join(ours)}")
    return {
        name: _merged(value, theirs[name], f"{where}: {name}") if name in theirs else value
        for name, value in ours.items()
    }


def _swapped(template: str) -> str:
    return template.replace("{a}", "{_}").replace("{b}", "{a}").replace("{_}", "{b}")
