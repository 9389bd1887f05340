"""The data that every part of the benchmarks shares: audio, groups to be scored, scores, and the items of a task."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from compa.manifest import Event

Audio: TypeAlias = Path | tuple[NDArray[np.float32], int]
"""A file, or a mono waveform (samples,) with its sample rate in Hz."""
Group: TypeAlias = tuple[Sequence[Audio], Sequence[str]]
"""Audios and texts; every pair of them is to be scored."""
Scores: TypeAlias = NDArray[np.float64]
"""Shape (audios, texts); higher is a better match."""
AudioKey: TypeAlias = str | tuple[int, int]
"""What `audio_key` returns."""


def audio_key(audio: Audio) -> AudioKey:
    """Identifies an audio: equal for the same path, and for the same array in memory at the same rate.

    Example:
        >>> audio_key(Path("a.wav")) == audio_key(Path("a.wav"))
        True
    """
    return str(audio) if isinstance(audio, Path) else (id(audio[0]), audio[1])


@dataclass(frozen=True)
class Credit:
    """The origin of a recording used in an item, as far as its event bank knows it."""

    label: str
    recording: str
    source: str | None = None
    author: str | None = None
    licence: str | None = None


@dataclass(frozen=True)
class Item:
    """One question to a model: n audios and n texts, where text i is true of audio i only.

    Attributes:
        id: Unique within the task.
        audio: Files or waveforms.
        captions: The texts.
        labels: The sound events in the audio.
        recordings: The recordings that the audio is made of.
        sources: What the recordings were taken from (the recordings themselves where unknown). Items that share a
            source are not independent.
        events: The timeline of each audio, where known.
        credits: Where the recordings come from.
        kind: What the question is about, in tasks with several kinds of questions.
        paraphrases: Empty, or one further wording of each caption.
    """

    id: str
    audio: tuple[Audio, ...]
    captions: tuple[str, ...]
    labels: tuple[str, ...]
    recordings: tuple[str, ...]
    sources: tuple[str, ...]
    events: tuple[tuple[Event, ...], ...] = ()
    credits: tuple[Credit, ...] = ()
    kind: str | None = None
    paraphrases: tuple[str, ...] = ()

    @property
    def audio_ids(self) -> tuple[str, ...]:
        """The ids of the audios in results: the item's id with a letter each."""
        return tuple(f"{self.id}-{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"[: len(self.audio)])
