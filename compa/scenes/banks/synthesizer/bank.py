"""The event bank of synthetic sounds, and the synthesis of a recording."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import (
    DEFAULT_SECONDS,
    Snippet,
    check_label,
    check_request,
    check_split,
    short_hash,
    snippet,
)
from compa.scenes.banks.recordings import Recording, Split
from compa.scenes.banks.synthesizer import animals, machines, nature, people, signals  # noqa: F401  (they fill SOUNDS)
from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave
from compa.scenes.banks.synthesizer.registry import SOUNDS

VERSION = 1
"""Counts up when any sound changes: scores on other versions cannot be compared."""
SECONDS = 2.5
NUM_RECORDINGS: dict[Split, int] = {"train": 48, "test": 16}
AUTHOR, LICENCE = "compa", "CC0 (synthesised)"
PEAK = 0.7


class Synthesizer:
    """Synthetic sounds by label, 48 recordings of each for training and 16 others for testing.

    A recording is a pure function of its name, and is synthesized when it is first needed.

    Args:
        sample_rate: In Hz.
        splits: Which splits this bank holds.
        labels: Only these labels, or None for all.
    """

    name = "built-in"
    attributes: tuple[str, ...] = ()
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

    def split(self, name: Split) -> Synthesizer:
        """The part of the bank that is for training, or for testing."""
        check_split(name)
        if name not in self._splits:
            raise ValueError(f"this split of {self.name} has no recordings for {name!r}; split the whole bank")
        bank = Synthesizer(self.sample_rate, (name,), self.labels)
        bank._made = self._made
        return bank

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        check_label(label, self.labels)
        return tuple(f"{label}/{split}-{k:02d}" for split in self._splits for k in range(NUM_RECORDINGS[split]))

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """A piece of a recording of the label; see `EventBank`. For long durations the recording is longer, too."""
        names = self.recordings(label)
        check_request(duration, attributes, self.attributes)
        name = names[rng.integers(len(names))]
        drawn = rng.uniform(*DEFAULT_SECONDS)  # in any case: tasks depend on where in a recording the cut is drawn
        seconds = drawn if duration is None else duration
        if seconds <= SECONDS - 0.5:
            return snippet(self._recording(label, name), rng, seconds)
        return snippet(record(label, name, self.sample_rate, seconds + 0.5), rng, seconds)

    def _recording(self, label: str, name: str) -> Recording:
        if name not in self._made:
            self._made[name] = record(label, name, self.sample_rate)
        return self._made[name]


def record(label: str, name: str, sample_rate: int, seconds: float = SECONDS) -> Recording:
    """Synthesizes a recording, the same for the same arguments everywhere.

    Args:
        label: A key of `SOUNDS`.
        name: Seeds all draws.
        sample_rate: In Hz.
        seconds: Its length, with the silence before and after, which is cut off.
    """
    seed = int.from_bytes(hashlib.sha256(f"{VERSION} {name}".encode()).digest()[:16], "big")
    synth = SynthContext(np.random.default_rng(seed), sample_rate, seconds)
    waveform = _in_a_room(synth, SOUNDS[label](synth))
    active = Active.part_of(waveform, sample_rate)
    return Recording(label, name, active, author=AUTHOR, licence=LICENCE, content=name)


def _in_a_room(synth: SynthContext, dry: Wave) -> NDArray[np.float32]:
    """The sound as recorded in a room: a few echoes, a spectral tilt, a faint noise, and a fixed peak."""
    wave = dry.astype(np.float32)
    for _ in range(4):
        delay = synth.samples(synth.pick(0.002, 0.05))
        wave[delay:] += np.float32(synth.rng.uniform(-0.3, 0.3)) * wave[:-delay]
    tilt = np.float32(synth.rng.uniform(-0.35, 0.35))  # above 0 it dulls, below it brightens
    wave[1:] += tilt * wave[:-1]
    wave *= np.float32(PEAK) / max(float(np.abs(wave).max()), 1e-9)
    return wave + np.float32(10 ** (synth.rng.uniform(-70, -55) / 20)) * synth.noise(len(wave))
