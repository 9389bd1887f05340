"""`control:bag-of-events` knows the events and nothing else: the best that a model without composition can do."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import AudioKey, Group, Item, Scores, audio_key

Bag: TypeAlias = frozenset[str]

_FUNCTION_WORDS = """
a an the this that these those some something someone it its is are was were be being been has have having do does and
or but as of to in on at by for from with without into out over under up down while during then before after first
second last later earlier afterwards beforehand followed following preceded prior subsequent finally next until together
both once simultaneously meanwhile time start starts starting end ends ending begins heard can
"""
FUNCTION_WORDS = frozenset(_FUNCTION_WORDS.split())
"""Words that do not name an event: they say when, where and how."""


class BagOfEvents:
    """Scores by the number of events that an audio and a text have in common, divided by all events of either.

    It knows the labels of each audio's events, and the labels that each text names. Texts with the same events tie, so
    the score is 0 with `ties` = 1 where order decides. Where the events are not known, as in real recordings, an audio
    has the words of its own captions, without function words.
    """

    def __init__(self, seed: int = 0) -> None:
        self._audio: dict[AudioKey, Bag] = {}
        self._labels: dict[str, re.Pattern[str]] = {}

    def prepare(self, items: Sequence[Item]) -> None:
        """Collects the events of all items; see `NeedsItems`."""
        labels = {label for item in items for number in range(len(item.audio)) for label in _labels(item, number)}
        # the longest first: "small dog bark" is no "dog bark"
        ordered = sorted(labels, key=lambda label: (-len(label), label))
        self._labels = {label: re.compile(rf"(?<!\w){re.escape(_spoken(label))}(?!\w)") for label in ordered}
        bags: dict[AudioKey, set[str]] = {}
        for item in items:
            for number, audio in enumerate(item.audio):
                texts = item.captions if len(item.audio) == 1 else item.captions[number : number + 1]
                bag = _labels(item, number) or {word for text in texts for word in self._bag(text)}
                bags.setdefault(audio_key(audio), set()).update(bag)
        self._audio = {name: frozenset(bag) for name, bag in bags.items()}

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Returns scores in [0, 1]; see `Scorer`.

        Raises:
            ValueError: If an audio belongs to none of the prepared items.
        """
        texts = {text: self._bag(text) for text in {text for _, texts in groups for text in texts}}
        try:
            return [
                _overlaps([self._audio[audio_key(audio)] for audio in audios], [texts[text] for text in words])
                for audios, words in groups
            ]
        except KeyError:
            raise ValueError("control:bag-of-events must be prepared with the items it scores") from None

    def _bag(self, text: str) -> Bag:
        if not self._labels:
            return frozenset(_content(re.findall(r"[^\W_]+(?:['’-][^\W_]+)*", text.lower())))
        rest, found = text.lower(), set()
        for label, pattern in self._labels.items():
            shorter = pattern.sub("|", rest)
            if shorter != rest:
                found.add(label)
                rest = shorter
        return frozenset(found)


def _labels(item: Item, number: int) -> set[str]:
    """The known labels of an audio of an item: those of its events, or the item's where it has no captions."""
    if item.events:
        return {event.label for event in item.events[number]}
    return set() if item.captions else set(item.labels)


def _spoken(label: str) -> str:
    return label.lower().replace("_", " ")


def _content(words: Iterable[str]) -> Iterable[str]:
    from negatives.language.inflection import stem

    return (stem(word) for word in words if word not in FUNCTION_WORDS)


def _overlaps(audios: Sequence[Bag], texts: Sequence[Bag]) -> Scores:
    """The events that each audio and text have in common, divided by all of either; 1 where both have none."""
    columns = {event: column for column, event in enumerate(sorted(frozenset().union(*audios, *texts)))}
    of_audio, of_text = (_table(bags, columns) for bags in (audios, texts))
    common = of_audio @ of_text.T
    either = of_audio.sum(axis=1)[:, None] + of_text.sum(axis=1) - common
    return np.asarray(np.where(either > 0, common / np.maximum(either, 1), 1.0), dtype=np.float64)


def _table(bags: Sequence[Bag], columns: Mapping[str, int]) -> NDArray[np.float32]:
    table = np.zeros((len(bags), len(columns)), dtype=np.float32)
    for row, bag in zip(table, bags, strict=True):
        row[[columns[event] for event in bag]] = 1
    return table
