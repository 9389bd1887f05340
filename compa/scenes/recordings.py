"""Recordings of isolated sound events: read from files in parallel, kept in memory, cut where something sounds."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from compa.audio.decode import read_audio

Split = Literal["train", "test"]

FRAME_SECONDS = 0.01
"""Whether something sounds is decided over frames of this length."""
ACTIVE_RANGE_DB = 40.0
"""A frame sounds when its level is less than this below the recording's loudest frame ..."""
SILENCE_DBFS = -60.0
"""... and above this level in any case."""
MIN_ACTIVE_SECONDS = 0.1
"""A recording with less sound than this is of no use."""
MIN_WINDOW_ENERGY = 0.25
"""A cut holds at least this share of the energy of the recording's best cut of the same length."""


@dataclass(frozen=True)
class Recording:
    """One recording of a label, without the silence before and after.

    Attributes:
        label: What sounds.
        name: Its stable name inside its bank.
        waveform: float32 mono of shape (samples,), without DC; starts and ends with sound.
        sample_rate: In Hz.
        source: What it was taken from (a freesound id or address), if known.
        author: Who made it, if known.
        licence: Under which terms, if known.
        content: A hash of its content.
        split: `train` or `test`; None while that is not decided.
    """

    label: str
    name: str
    waveform: NDArray[np.float32]
    sample_rate: int
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    content: str = ""
    split: Split | None = None
    _active: NDArray[np.intp] = field(init=False, repr=False, compare=False)
    _energy: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        waveform = self.waveform - self.waveform.mean(dtype=np.float64).astype(np.float32)
        energy = _frame_energy(waveform, self._frame)
        active = _active_frames(energy)
        seconds = len(active) * FRAME_SECONDS
        if len(active) == 0 or np.abs(waveform).max() < 10 ** (SILENCE_DBFS / 20):
            raise ValueError(f"silent (nothing above {SILENCE_DBFS:.0f} dBFS)")
        if seconds < MIN_ACTIVE_SECONDS - 1e-9:
            raise ValueError(f"too short ({seconds:.2f} s of sound, at least {MIN_ACTIVE_SECONDS} s are needed)")
        first, end = active[0], active[-1] + 1
        waveform = waveform[first * self._frame : end * self._frame].copy()
        object.__setattr__(self, "waveform", waveform)
        object.__setattr__(self, "_active", active - first)
        object.__setattr__(self, "_energy", np.concatenate([[0.0], np.cumsum(energy[first:end])]))

    @property
    def _frame(self) -> int:
        return max(1, round(FRAME_SECONDS * self.sample_rate))

    def cut(self, duration: float, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cuts out `duration` seconds that start with sound and hold a fair share of it.

        The start is drawn uniformly from the sounding frames whose window holds at least a quarter of the best
        window's energy. A recording that is shorter comes whole, never repeated.

        Args:
            duration: In seconds.
            rng: Draws the place.

        Returns:
            A copy, float32 of shape (samples,).
        """
        num_samples = round(duration * self.sample_rate)
        room = len(self.waveform) - num_samples
        if room <= 0:
            return self.waveform.copy()
        starts = self._active[: np.searchsorted(self._active, room // self._frame, side="right")]
        ends = np.minimum(starts + -(-num_samples // self._frame), len(self._energy) - 1)
        energy = self._energy[ends] - self._energy[starts]
        good = starts[energy >= MIN_WINDOW_ENERGY * energy.max()]
        start = int(good[rng.integers(len(good))]) * self._frame
        return self.waveform[start : start + num_samples].copy()


@dataclass(frozen=True)
class SoundFile:
    """A file that is to be read as a recording; the attributes are those of `Recording`."""

    label: str
    name: str
    path: Path
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    split: Split | None = None


def read_recordings(
    files: Sequence[SoundFile], sample_rate: int, title: str
) -> tuple[list[Recording], dict[str, str]]:
    """Reads files in parallel threads, with a progress bar on stderr.

    Args:
        files: What to read.
        sample_rate: The rate that the recordings get, in Hz.
        title: What the progress bar says.

    Returns:
        The recordings in the order of the files, and why each file that is missing there was left out, by name.
    """
    recordings: list[Recording] = []
    skipped: dict[str, str] = {}
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as threads:
        read = threads.map(lambda file: _read(file, sample_rate), files)
        for file, recording in zip(files, tqdm(read, title, len(files), unit="file", disable=None), strict=True):
            if isinstance(recording, str):
                skipped[file.name] = recording
            else:
                recordings.append(recording)
    return _of_one_label(recordings, skipped), skipped


def _read(file: SoundFile, sample_rate: int) -> Recording | str:
    """Reads one file; gives the reason where that is not possible."""
    try:
        return Recording(
            file.label,
            file.name,
            read_audio(file.path, sample_rate),
            sample_rate,
            source=file.source,
            author=file.author,
            licence=file.licence,
            content=hashlib.sha256(file.path.read_bytes()).hexdigest(),
            split=file.split,
        )
    except (ValueError, OSError) as error:
        return str(error).removeprefix(f"{file.path} ")


def _of_one_label(recordings: Iterable[Recording], skipped: dict[str, str]) -> list[Recording]:
    """Leaves out recordings whose content stands under several labels: none of them can be trusted."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    recordings = list(recordings)
    for recording in recordings:
        labels[recording.content].add(recording.label)
    for recording in recordings:
        if len(labels[recording.content]) > 1:
            names = ", ".join(sorted(labels[recording.content]))
            skipped[recording.name] = f"the same content stands under several labels: {names}"
    return [recording for recording in recordings if len(labels[recording.content]) == 1]


def _frame_energy(waveform: NDArray[np.float32], frame: int) -> NDArray[np.float64]:
    """Mean square of each frame; the last one may be shorter."""
    padded = np.pad(waveform, (0, -len(waveform) % frame)).reshape(-1, frame)
    return np.einsum("fi,fi->f", padded, padded, dtype=np.float64) / frame


def _active_frames(energy: NDArray[np.float64]) -> NDArray[np.intp]:
    """Indices of the frames in which something sounds."""
    threshold = max(float(energy.max(initial=0.0)) * 10 ** (-ACTIVE_RANGE_DB / 10), 10 ** (SILENCE_DBFS / 10))
    return np.flatnonzero(energy > threshold)
