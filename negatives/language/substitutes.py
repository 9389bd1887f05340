"""Substitutes: which sound of a caption can be replaced by which similar one, and how the words are inflected."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from negatives.language.inflection import is_ing, is_plural, participle, past, plural, singular, stem, with_article


class Substitution:
    """The words of a caption that change, and their replacements: {"dogs": "cats", "bark": "meow"}.

    Attributes:
        phrase: The words that the caption must contain.
        new: Their replacement.
        words: All replacements, those of the phrase among them.
    """

    def __init__(self, phrase: str, words: dict[str, str]) -> None:
        self.phrase, self.new, self.words = phrase, words[phrase], words
        self.new_stem = stem(self.new.split()[-1])

    def apply(self, caption: str) -> str:
        """The caption with all words replaced and the articles adapted."""
        return with_article(self._pattern.sub(self._replace, caption))

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        choices = "|".join(map(re.escape, sorted(self.words, key=len, reverse=True)))
        return re.compile(rf"\b(?:{choices})\b", re.IGNORECASE)

    def _replace(self, match: re.Match[str]) -> str:
        new = self.words[match[0].lower()]
        return new[:1].upper() + new[1:] if match[0][0].isupper() else new


class Substitutes:
    """A table of substitutions, looked up by the words of a caption.

    Args:
        table: With the keys of `substitutes.yaml`.

    Attributes:
        phrases: First word of a phrase that can be replaced → (the phrase's words, its substitutions). A substitution
            holds the phrase itself and, for a source with a voice, every form of the verbs that go with it.
        fixed: Pairs of neighboring words that must stay: "race car".
        fixed_words: All words of `fixed`.
    """

    def __init__(self, table: dict[str, Any]) -> None:
        self.fixed = frozenset(
            tuple(pair.split()) for line in table["fixed"] for pair in line.replace("\n", " ").split(", ")
        )
        self.fixed_words = frozenset(word for pair in self.fixed for word in pair)
        found: defaultdict[str, dict[str, Substitution]] = defaultdict(dict)
        for phrase, words in _replacements(table):
            if phrase not in table["never"]:
                found[phrase].setdefault(words[phrase], Substitution(phrase, words))
        self.phrases: defaultdict[str, list[tuple[tuple[str, ...], list[Substitution]]]] = defaultdict(list)
        for phrase, substitutions in found.items():
            parts = tuple(phrase.split())
            self.phrases[parts[0]].append((parts, list(substitutions.values())))


def read_ontology(path: str | Path) -> Substitutes:
    """The shipped table, and the leaves that share a parent in a JSON ontology with the layout of AudioSet's.

    A node's name is used as a caption would say it, without what follows a comma or stands in parentheses. A node
    replaces only nodes of the same form: "Barking" and "Howling" replace each other, not "Bow-wow".

    Raises:
        ValueError: If the file is not a list of nodes with `id`, `name` and `child_ids`.
    """
    try:
        nodes = {node["id"]: node for node in json.loads(Path(path).read_text(encoding="utf-8"))}
        families = [[nodes[child] for child in node["child_ids"] if child in nodes] for node in nodes.values()]
        leaves = [[_spoken(child["name"]) for child in family if not child["child_ids"]] for family in families]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path} must be a JSON list of nodes with id, name and child_ids, as AudioSet's ontology; got "
            f"{type(error).__name__}: {error}"
        ) from None
    table = shipped_table()
    known = {name for group in table["nouns"] for name in group} | {
        source for group in table["voices"] for source in group
    }
    for family in leaves:
        for is_gerund in (False, True):
            group = [name for name in family if name and name not in known and is_ing(name.split()[-1]) == is_gerund]
            if len(group) > 1:
                table["nouns"].append(group)
    return Substitutes(table)


def _spoken(name: str) -> str:
    """A node's name as a caption would say it; empty where it is more than a noun and an attribute."""
    words = re.split(r"[,(]", name)[0].lower().split()
    return " ".join(words) if len(words) <= 2 and "and" not in words and not is_plural(words[-1]) else ""


def shipped_table() -> dict[str, Any]:
    """The table of common sources that comes with the package."""
    table: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
    return table


def _replacements(table: dict[str, Any]) -> Iterator[tuple[str, dict[str, str]]]:
    for group in table["nouns"]:
        for old, new in _others(group):
            yield old, {old: new}
            if not re.match(r"an? ", old) and old not in _MASS and not is_ing(old.split()[-1]):
                yield plural(old), {plural(old): plural(new)}
    for group in table["actions"]:
        for old, new in _others(group):
            for inflect in _FORMS:
                yield inflect(old), {inflect(old): inflect(new)}
    for group in table["voices"]:
        for old, new in _others(list(group)):
            verbs = {
                inflect(verb): inflect(verb if verb in group[new].split() else group[new].split()[0])
                for verb in group[old].split()
                for inflect in _FORMS
            }
            yield old, {**verbs, old: new}
            if plural(old) != old:
                yield plural(old), {**verbs, plural(old): plural(new)}


def _others(group: list[str]) -> Iterator[tuple[str, str]]:
    return ((old, new) for old in group for new in group if old != new)


_FORMS = (str, singular, participle, past)
_MASS = frozenset(["rain", "plastic", "metal", "glass", "wood", "metallic", "applause", "laughter", "water", "speech"])
