"""The protocol of event banks, and a bank that holds its recordings in memory."""

from __future__ import annotations

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.recordings import Recording, Split
from compa.utils.text import unknown_name

DEFAULT_SECONDS = (1.5, 2.0)
"""The range of the durations that are drawn where none is asked for."""


@dataclass(frozen=True)
class Snippet:
    """A piece of a recording.

    Attributes:
        waveform: float32 mono of shape (samples,), at any level: a scene sets it.
        sample_rate: In Hz.
        recording: Stable name of the recording inside its bank.
        source: What the recording was taken from, if known.
        author: Its author, if known.
        licence: Its licence, if known.
        attributes: What is known of it beside the label, such as the speaker.
    """

    waveform: NDArray[np.float32]
    sample_rate: int
    recording: str
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    attributes: Mapping[str, float | str] = field(default_factory=dict)


class EventBank(Protocol):
    """Waveforms of isolated sound events by label; the splits never share a recording or a source."""

    @property
    def name(self) -> str:
        """A short name for results; never a path."""

    @property
    def labels(self) -> tuple[str, ...]:
        """All labels, sorted and readable."""

    @property
    def sample_rate(self) -> int:
        """The rate of every snippet, in Hz."""

    @property
    def fingerprint(self) -> str:
        """A stable hash of names and contents, which identifies what a score was measured on."""

    @property
    def attributes(self) -> tuple[str, ...]:
        """Names of the attributes that `sample` renders, of `compa.scenes.attributes`."""

    @property
    def skipped(self) -> Mapping[str, str]:
        """What was left out, and why."""

    def split(self, name: Split) -> EventBank:
        """The part of the bank that is for training, or for testing."""

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """A piece of a recording of the label, drawn by `rng`, of about `duration` seconds (drawn where None).

        The same `rng` state with another value of an attribute gives the same sound but for that attribute.
        """


class MemoryBank:
    """A bank that holds its recordings in memory, so that `sample` only cuts.

    Args:
        name: A short name for results.
        sample_rate: That of every recording, in Hz.
        recordings: All with a split.
        skipped: What was left out, and why.
    """

    attributes: tuple[str, ...] = ()

    def __init__(
        self,
        name: str,
        sample_rate: int,
        recordings: Iterable[Recording],
        skipped: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.sample_rate = sample_rate
        self.skipped: Mapping[str, str] = dict(skipped or {})
        by_label: defaultdict[str, list[Recording]] = defaultdict(list)
        for recording in sorted(recordings, key=lambda recording: (recording.label, recording.name)):
            by_label[recording.label].append(recording)
        self._recordings = dict(by_label)
        self.labels = tuple(self._recordings)
        self.fingerprint = short_hash(
            *((r.label, r.name, r.content) for group in self._recordings.values() for r in group)
        )

    def split(self, name: Split) -> MemoryBank:
        """The part of the bank that is for training, or for testing."""
        check_split(name)
        recordings = [r for group in self._recordings.values() for r in group if r.split == name]
        if not recordings:
            raise ValueError(f"this split of {self.name} has no recordings for {name!r}; split the whole bank")
        return MemoryBank(self.name, self.sample_rate, recordings, self.skipped)

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        check_label(label, self.labels)
        return tuple(recording.name for recording in self._recordings[label])

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """A piece of a recording of the label; see `EventBank`. The recording comes whole where it is shorter."""
        check_label(label, self.labels)
        check_request(duration, attributes, self.attributes)
        group = self._recordings[label]
        return snippet(group[rng.integers(len(group))], rng, duration)


def snippet(recording: Recording, rng: np.random.Generator, duration: float | None = None) -> Snippet:
    """Cuts a snippet of `duration` seconds (drawn where None) out of a recording."""
    seconds = rng.uniform(*DEFAULT_SECONDS) if duration is None else duration
    return Snippet(
        recording.active.cut(seconds, rng),
        recording.active.sample_rate,
        recording.name,
        source=recording.source,
        author=recording.author,
        licence=recording.licence,
        attributes=recording.attributes,
    )


def check_request(duration: float | None, attributes: Iterable[str], known: Iterable[str]) -> None:
    """Raises ValueError for an attribute that a bank does not render, or an illegal duration."""
    for name in attributes:
        if name not in known:
            raise unknown_name("attribute of this bank", name, known)
    if duration is not None and not (math.isfinite(duration) and duration > 0):
        raise ValueError(f"duration must be a positive number of seconds; got {duration}")


def check_label(label: str, labels: tuple[str, ...]) -> None:
    """Raises ValueError for a label that a bank does not have, naming the nearest one."""
    if label not in labels:
        raise unknown_name("label", label, labels)


def check_split(name: str) -> None:
    """Raises ValueError for the name of an unknown split."""
    if name not in ("train", "test"):
        raise ValueError(f"a split must be one of 'train', 'test'; got {name!r}")


def short_hash(*parts: object) -> str:
    """The first 16 hex digits of a hash over `parts` that is the same everywhere."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]
