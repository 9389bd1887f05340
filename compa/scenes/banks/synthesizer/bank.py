"""The event bank of synthetic sounds, and how a recording of one is made."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import (
    DEFAULT_SECONDS,
    Snippet,
    check_attributes,
    check_label,
    check_split,
    short_hash,
    snippet,
)
from compa.scenes.banks.recordings import Recording, Split
from compa.scenes.banks.synthesizer import animals, machines, nature, people, signals  # noqa: F401  (they fill SOUNDS)
from compa.scenes.banks.synthesizer.primitives import Take, Wave
from compa.scenes.banks.synthesizer.registry import SOUNDS

VERSION = 1
"""Counts up when any sound changes: scores on other versions cannot be compared."""
SECONDS = 2.5
NUM_RECORDINGS: dict[Split, int] = {"train": 48, "test": 16}
AUTHOR, LICENCE = "compa", "CC0 (synthesised)"
PEAK = 0.7
MAX_PITCH = 24.0
"""Semitones up or down."""
MAX_RATE = 4.0
"""The tempo factor lies between one over this and this."""


class Synthesiser:
    """Synthetic sounds by label, 48 recordings of each for training and 16 others for testing.

    A recording is a pure function of its name, and is made when it is first asked for.

    Args:
        sample_rate: In Hz.
        splits: Which splits this bank holds.
        labels: Only these labels, or None for all.
    """

    name = "built-in"
    skipped: Mapping[str, str] = {}

    def __init__(
        self,
        sample_rate: int = 16000,
        splits: Sequence[Split] = ("train", "test"),
        labels: Sequence[str] | None = None,
    ) -> None:
        for label in labels or ():
            check_label(label, tuple(SOUNDS))
        self.sample_rate = sample_rate
        self.labels = tuple(sorted(labels if labels is not None else SOUNDS))
        self._splits = tuple(splits)
        self.fingerprint = short_hash(
            VERSION,
            SECONDS,
            sample_rate,
            self.labels,
            [(split, NUM_RECORDINGS[split]) for split in self._splits],
        )
        self._made: dict[str, Recording] = {}

    def split(self, name: Split) -> Synthesiser:
        """The part of the bank that is for training, or for testing."""
        check_split(name)
        if name not in self._splits:
            raise ValueError(f"this part of {self.name} has no recordings for {name!r}: split the whole bank")
        bank = Synthesiser(self.sample_rate, (name,), self.labels)
        bank._made = self._made
        return bank

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        check_label(label, self.labels)
        return tuple(f"{label}/{split}-{k:02d}" for split in self._splits for k in range(NUM_RECORDINGS[split]))

    def sample(self, label: str, rng: np.random.Generator, **attributes: float) -> Snippet:
        """A piece of a recording of the label.

        Args:
            label: One of `labels`.
            rng: Draws the recording, the duration where none is asked for, and the place of the cut.
            **attributes: `duration` in seconds; `pitch` in semitones up or down, `rate` as a factor of the
                tempo: with one of these, or a duration beyond its length, the recording is made anew.
        """
        names = self.recordings(label)
        check_attributes(attributes, ("duration", "pitch", "rate"))
        pitch, rate = attributes.get("pitch", 0.0), attributes.get("rate", 1.0)
        _check_range("pitch", pitch, -MAX_PITCH, MAX_PITCH)
        _check_range("rate", rate, 1 / MAX_RATE, MAX_RATE)
        name = names[rng.integers(len(names))]
        seconds = attributes.get("duration", rng.uniform(*DEFAULT_SECONDS))
        if attributes.keys() <= {"duration"} and seconds <= SECONDS - 0.5:
            return snippet(self._recording(label, name), rng, seconds)
        moved = record(label, name, self.sample_rate, max(SECONDS, seconds + 0.5), pitch, rate)
        asked = {key: value for key, value in attributes.items() if key != "duration"}
        return replace(snippet(moved, rng, seconds), attributes=asked)

    def _recording(self, label: str, name: str) -> Recording:
        if name not in self._made:
            self._made[name] = record(label, name, self.sample_rate)
        return self._made[name]


def record(
    label: str, name: str, sample_rate: int, seconds: float = SECONDS, pitch: float = 0.0, rate: float = 1.0
) -> Recording:
    """Makes a recording, the same for the same arguments everywhere.

    Args:
        label: A key of `SOUNDS`.
        name: All chances depend on this name.
        sample_rate: In Hz.
        seconds: How long it is, with the silence before and after, which is cut off.
        pitch: Moves all frequencies by so many semitones.
        rate: Multiplies all tempi.
    """
    seed = int.from_bytes(hashlib.sha256(f"{VERSION} {name}".encode()).digest()[:16], "big")
    take = Take(np.random.default_rng(seed), sample_rate, seconds, pitch=2 ** (pitch / 12), rate=rate)
    waveform = _in_a_room(take, SOUNDS[label](take))
    active = Active.part_of(waveform, sample_rate)
    return Recording(label, name, active, author=AUTHOR, licence=LICENCE, content=name)


def _in_a_room(take: Take, dry: Wave) -> NDArray[np.float32]:
    """What a microphone in a room makes of it: a few echoes, a colour, a faint noise, and a fixed peak."""
    wave = dry.astype(np.float32)
    for _ in range(4):
        delay = take.samples(take.pick(0.002, 0.05))
        wave[delay:] += np.float32(take.rng.uniform(-0.3, 0.3)) * wave[:-delay]
    colour = np.float32(take.rng.uniform(-0.35, 0.35))  # above 0 it dulls, below it brightens
    wave[1:] += colour * wave[:-1]
    wave *= np.float32(PEAK) / max(float(np.abs(wave).max()), 1e-9)
    return wave + np.float32(10 ** (take.rng.uniform(-70, -55) / 20)) * take.noise(len(wave))


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not (math.isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} goes from {low:g} to {high:g}, not {value:g}")
