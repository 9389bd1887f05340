"""Puts claims of any depth in words, at random but never ambiguously.

Every relation is set in words at a mark (none, comma, semicolon, full stop), and what it relates uses weaker marks
only, so a reader splits a text at its strongest mark first; where marks run out, brackets help. Whether mention order
is time order is drawn for every relation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compa.scenes.captions.templates import MARKS, Phrasings, read_phrasings
from compa.scenes.claims import Absent, All, Claim, Count, Figure, Has, Louder, Part, Sound, Then, While
from compa.scenes.claims.scale import SCALES
from compa.scenes.speech import speaker_and_words

STRONGER = 0.3
"""How often a stronger mark than needed is taken, where there is one."""


class Grammar:
    """Says claims.

    Args:
        phrasings: The templates; None takes the built-in ones.
    """

    def __init__(self, phrasings: Phrasings | None = None) -> None:
        self._phrasings = phrasings or read_phrasings()

    def say(self, claim: Claim, rng: np.random.Generator) -> str:
        """Puts a claim in words, drawn by `rng`.

        Example:
            >>> Grammar().say(Then(While("dog bark", "rain"), "siren"), np.random.default_rng(2))
            'dog bark together with rain, and afterwards siren'

        Raises:
            ValueError: If there are no words for such a claim.
        """
        templates = self._phrasings.templates
        if isinstance(claim, Louder):
            sides = {"{a}": self._label(claim.first, rng), "{b}": self._label(claim.second, rng)}
            return _filled(self._pick(templates["louder"], rng), sides)
        if isinstance(claim, Absent):
            return _filled(self._pick(templates["nothing"], rng), {"{y}": self._label(claim.label, rng)})
        if isinstance(claim, All) and len(claim.parts) == 2 and isinstance(claim.parts[1], Absent):
            template = self._pick(templates["absent"], rng)
            words = self._figure(claim.parts[0], rng)
            if template.startswith("{x}"):
                words = self._opened(words, rng)
            return _filled(template, {"{x}": words, "{y}": self._label(claim.parts[1].label, rng)})
        return self._opened(self._figure(claim, rng), rng)

    def _opened(self, words: str, rng: np.random.Generator) -> str:
        """The words of a figure, perhaps with some that say no more than that it is heard."""
        return _filled(self._pick(self._phrasings.templates["whole"], rng), {"{x}": words})

    def _figure(self, claim: Claim, rng: np.random.Generator) -> str:
        if isinstance(claim, Has):
            return self._label(claim.label, rng)
        if isinstance(claim, Figure):
            return self._part(claim, len(MARKS) - 1, rng)
        raise ValueError(f"no words for {claim}")

    def _part(self, part: Part, strongest: int, rng: np.random.Generator) -> str:
        """Says a part with marks up to a strength, else in brackets."""
        if isinstance(part, Then | While):
            depth = _depth(part)
            if strongest + 1 < min(depth, len(MARKS)):
                return f"({self._part(part, len(MARKS) - 1, rng)})"
            weakest = min(depth, len(MARKS)) - 1
            stronger = weakest < strongest and rng.random() < STRONGER
            strength = int(rng.integers(weakest + 1, strongest + 1)) if stronger else weakest
            forward = bool(rng.random() < 0.5)
            said = [self._part(inner, strength - 1, rng) for inner in part.parts]
            return self._joined(part, said if forward else said[::-1], strength, forward, rng)
        if isinstance(part, Sound):
            return self._sound(part, rng)
        if isinstance(part, Count):
            numbers = self._phrasings.templates["numbers"]
            number = numbers[part.number - 1] if part.number <= len(numbers) else str(part.number)
            slots = {"{n}": number, "{x}": self._label(part.label, rng)}
            return _filled(self._pick(self._phrasings.templates["count"], rng), slots)
        assert isinstance(part, str), part
        return self._label(part, rng)

    def _joined(
        self, relation: Then | While, said: Sequence[str], strength: int, forward: bool, rng: np.random.Generator
    ) -> str:
        name = "then" if isinstance(relation, Then) else "while"
        if name == "while":  # any order says the same: templates are read in the order in which parts are said
            joins = self._phrasings.joins[name, strength, True]
        else:
            joins = self._phrasings.joins[name, strength, forward]
        if len(said) == 2:
            return _filled(self._pick(joins.pairs, rng), {"{0}": said[0], "{1}": said[1]})
        return "".join([said[0], *(self._pick(joins.infixes, rng) + each for each in said[1:])])

    def _sound(self, sound: Sound, rng: np.random.Generator) -> str:
        templates = self._phrasings.templates["traits"]
        if sound.label is None:
            if len(sound.traits) != 1 or sound.traits[0][0] in SCALES or sound.traits[0][0] not in templates:
                raise ValueError(f"no words for {sound}")
            ((name, word),) = sound.traits
            return str(self._pick(templates[name]["any"], rng)).replace("{word}", word)
        words = self._label(sound.label, rng)
        is_speech = speaker_and_words(sound.label) is not None
        for name, word in sound.traits:
            if name not in SCALES:
                raise ValueError(f"no words for {sound}")
            ways = [way for way in templates[name][word] if way.startswith("{x}") or not is_speech]
            words = self._pick(ways, rng).replace("{x}", words)
        return words

    def _label(self, label: str, rng: np.random.Generator) -> str:
        speech = speaker_and_words(label)
        if speech is None:
            return label
        template = self._pick(self._phrasings.templates["speech"], rng)
        return _filled(template, {"{speaker}": speech[0], "{words}": speech[1]})

    @staticmethod
    def _pick(ways: Sequence[str], rng: np.random.Generator) -> str:
        return ways[int(rng.random() * len(ways))]


def _filled(template: str, slots: dict[str, str]) -> str:
    """Fills the slots, in one go: what is put in may hold anything."""
    places = sorted((template.index(slot), slot) for slot in slots)
    filled, end = [], 0
    for start, slot in places:
        filled += [template[end:start], slots[slot]]
        end = start + len(slot)
    return "".join([*filled, template[end:]])


def _depth(part: Part) -> int:
    """How many relations stand inside each other."""
    return 1 + max(map(_depth, part.parts)) if isinstance(part, Then | While) else 0
