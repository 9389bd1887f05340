"""Puts claims of any depth in words, at random but never ambiguously.

Every relation is worded with a mark (none, comma, semicolon, full stop), and its parts use weaker marks only, so a
reader splits a caption at its strongest mark first; where marks run out, parentheses help. Whether mention order is
time order is drawn for every relation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from compa.scenes.attributes import all_attributes
from compa.scenes.captions.templates import MARKS, joins, templates
from compa.scenes.claims import Absent, All, Claim, Count, EventPattern, Has, Louder, Part, Sound, Then, While
from compa.scenes.speech import speaker_and_words

STRONGER_MARK = 0.3
"""How often a relation uses a stronger mark than it needs, where there is one."""


def render_caption(claim: Claim, rng: np.random.Generator, in_time_order: bool | None = None) -> str:
    """Puts a claim in words.

    Args:
        claim: What the caption says.
        rng: Draws the words.
        in_time_order: Whether the parts of `Then` are mentioned in the order in which they occur, or in the opposite
            one; None draws it for each.

    Example:
        >>> render_caption(Then(While("dog bark", "rain"), "siren"), np.random.default_rng(2))
        'siren; before that rain, along with dog bark'

    Raises:
        ValueError: If there are no words for such a claim.
    """
    return _Writer(rng, in_time_order).whole(claim)


class _Writer:
    """Words one caption."""

    def __init__(self, rng: np.random.Generator, in_time_order: bool | None) -> None:
        self._rng = rng
        self._in_time_order = in_time_order

    def whole(self, claim: Claim) -> str:
        if isinstance(claim, Louder):
            labels = {"{a}": self._label(claim.first), "{b}": self._label(claim.second)}
            return _filled(self._pick(templates()["louder"]), labels)
        if isinstance(claim, Absent):
            return _filled(self._pick(templates()["nothing"]), {"{y}": self._label(claim.label)})
        if isinstance(claim, All) and len(claim.parts) == 2 and isinstance(claim.parts[1], Absent):
            template = self._pick(templates()["absent"])
            words = self._pattern(claim.parts[0])
            if template.startswith("{x}"):
                words = self._introduced(words)
            return _filled(template, {"{x}": words, "{y}": self._label(claim.parts[1].label)})
        return self._introduced(self._pattern(claim))

    def _introduced(self, words: str) -> str:
        """The words of a whole pattern, perhaps after an introduction that adds no meaning."""
        return _filled(self._pick(templates()["whole"]), {"{x}": words})

    def _pattern(self, claim: Claim) -> str:
        if isinstance(claim, Has):
            return self._label(claim.label)
        if isinstance(claim, EventPattern):
            return self._part(claim, len(MARKS) - 1)
        raise ValueError(f"no words for {claim}")

    def _part(self, part: Part, strongest: int) -> str:
        """Words a part with marks up to a strength, or else in parentheses."""
        if isinstance(part, Then | While):
            depth = _depth(part)
            if strongest + 1 < min(depth, len(MARKS)):
                return f"({self._part(part, len(MARKS) - 1)})"
            weakest = min(depth, len(MARKS)) - 1
            is_stronger = weakest < strongest and self._rng.random() < STRONGER_MARK
            strength = int(self._rng.integers(weakest + 1, strongest + 1)) if is_stronger else weakest
            forward = bool(self._rng.random() < 0.5)
            if isinstance(part, Then) and self._in_time_order is not None:
                forward = self._in_time_order
            words = [self._part(inner, strength - 1) for inner in part.parts]
            return self._joined(part, words if forward else words[::-1], strength, forward)
        if isinstance(part, Sound):
            return self._sound(part)
        if isinstance(part, Count):
            numbers = templates()["numbers"]
            number = numbers[part.number - 1] if part.number <= len(numbers) else str(part.number)
            return _filled(self._pick(templates()["count"]), {"{n}": number, "{x}": self._label(part.label)})
        assert isinstance(part, str), part
        return self._label(part)

    def _joined(self, relation: Then | While, words: Sequence[str], strength: int, forward: bool) -> str:
        # the parts of `While` may stand in any order, so its templates are read in the order of mention
        found = joins("then", strength, forward) if isinstance(relation, Then) else joins("while", strength, True)
        if len(words) == 2:
            return _filled(self._pick(found.pairs), {"{0}": words[0], "{1}": words[1]})
        return "".join([words[0], *(self._pick(found.infixes) + word for word in words[1:])])

    def _sound(self, sound: Sound) -> str:
        known = all_attributes()
        if sound.label is None:
            name, word = sound.attributes[0]
            if len(sound.attributes) > 1 or name not in known or not known[name].templates_without_label:
                raise ValueError(f"no words for {sound}")
            return self._pick(known[name].templates_without_label).replace("{word}", word)
        words = self._label(sound.label)
        is_speech = speaker_and_words(sound.label) is not None
        for name, word in sound.attributes:
            if name not in known or word not in known[name].templates:
                raise ValueError(f"no words for {sound}")
            fitting = [t for t in known[name].templates[word] if t.startswith("{x}") or not is_speech]
            words = self._pick(fitting).replace("{x}", words)
        return words

    def _label(self, label: str) -> str:
        speech = speaker_and_words(label)
        if speech is None:
            return label
        return _filled(self._pick(templates()["speech"]), {"{speaker}": speech[0], "{words}": speech[1]})

    def _pick(self, choices: Sequence[str]) -> str:
        return choices[int(self._rng.random() * len(choices))]


def _filled(template: str, slots: dict[str, str]) -> str:
    """Fills all slots at once, since what is put in may itself contain braces."""
    places = sorted((template.index(slot), slot) for slot in slots)
    filled, end = [], 0
    for start, slot in places:
        filled += [template[end:start], slots[slot]]
        end = start + len(slot)
    return "".join([*filled, template[end:]])


def _depth(part: Part) -> int:
    """How many relations are nested."""
    return 1 + max(map(_depth, part.parts)) if isinstance(part, Then | While) else 0
