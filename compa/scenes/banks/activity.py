"""The active part of a recording, and cuts that contain enough of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FRAME_SECONDS = 0.01
"""Activity is decided over frames of this length."""
ACTIVE_RANGE_DB = 40.0
"""A frame is active when its level is less than this below the recording's loudest frame ..."""
SILENCE_DBFS = -60.0
"""... and above this level in any case."""
START_RANGE_DB = 20.0
"""A cut starts with a frame that is less than this below the loudest one, not with the tail of a sound."""
MIN_ACTIVE_SECONDS = 0.1
"""A recording with less activity than this is unusable."""
MIN_WINDOW_ENERGY = 0.25
"""A cut contains at least this fraction of the energy of the recording's best cut of the same length."""
MAX_PAUSE_SECONDS = 0.5
"""A longer silence at the end of a cut is shortened to this."""


@dataclass(frozen=True)
class Active:
    """A waveform without the silence before and after, with what is needed to cut it quickly.

    Attributes:
        waveform: float32 mono of shape (samples,), without DC; starts and ends with sound.
        sample_rate: In Hz.
        frames: Indices of the active frames, shape (active frames,).
        starts: Those of them that are loud enough to start a cut.
        energy: Energy of all frames before each one, shape (frames + 1,).
    """

    waveform: NDArray[np.float32]
    sample_rate: int
    frames: NDArray[np.intp]
    starts: NDArray[np.intp]
    energy: NDArray[np.float64]

    @classmethod
    def part_of(cls, waveform: NDArray[np.float32], sample_rate: int) -> Active:
        """Finds the active part of a waveform of shape (samples,).

        Raises:
            ValueError: If it is silent, or less than 0.1 s of it is active.
        """
        waveform = waveform - waveform.mean(dtype=np.float64).astype(np.float32)
        frame = _frame(sample_rate)
        energy = _frame_energy(waveform, frame)
        frames = _louder_frames(energy, ACTIVE_RANGE_DB)
        if len(frames) == 0:
            raise ValueError(f"silent (nothing above {SILENCE_DBFS:.0f} dBFS)")
        if len(frames) * FRAME_SECONDS < MIN_ACTIVE_SECONDS - 1e-9:
            seconds = len(frames) * FRAME_SECONDS
            raise ValueError(f"too short ({seconds:.2f} s of sound; at least {MIN_ACTIVE_SECONDS} s are needed)")
        first, end = int(frames[0]), int(frames[-1]) + 1
        return cls(
            waveform[first * frame : end * frame].copy(),
            sample_rate,
            frames - first,
            _louder_frames(energy, START_RANGE_DB) - first,
            np.concatenate([[0.0], np.cumsum(energy[first:end])]),
        )

    def cut(self, duration: float, rng: np.random.Generator) -> NDArray[np.float32]:
        """Cuts out `duration` seconds that start with sound and contain enough of it.

        The start is drawn uniformly from the loud frames whose window contains at least a quarter of the best window's
        energy. A shorter recording comes whole, never repeated, and the silence at the end of a cut is at most half a
        second.

        Args:
            duration: In seconds.
            rng: Draws the place.

        Returns:
            A copy, float32 of shape (samples,).
        """
        frame = _frame(self.sample_rate)
        num_samples = max(1, round(duration * self.sample_rate))
        spare = len(self.waveform) - num_samples
        if spare <= 0:
            return self.waveform.copy()
        starts = self.starts[: np.searchsorted(self.starts, spare // frame, side="right")]
        if len(starts) == 0:  # all that is loud comes too late
            starts = self.frames[: np.searchsorted(self.frames, spare // frame, side="right")]
        ends = np.minimum(starts + -(-num_samples // frame), len(self.energy) - 1)
        energy = self.energy[ends] - self.energy[starts]
        good = starts[energy >= MIN_WINDOW_ENERGY * energy.max()]
        start = int(good[rng.integers(len(good))]) * frame
        end = start + num_samples
        last = int(self.frames[np.searchsorted(self.frames, end / frame) - 1])
        until = (last + 1) * frame + round(MAX_PAUSE_SECONDS * self.sample_rate)
        return self.waveform[start : min(end, until)].copy()


def _frame(sample_rate: int) -> int:
    return max(1, round(FRAME_SECONDS * sample_rate))


def _frame_energy(waveform: NDArray[np.float32], frame: int) -> NDArray[np.float64]:
    """Mean square of each frame; the last one may be shorter."""
    frames = np.pad(waveform, (0, -len(waveform) % frame)).reshape(-1, frame)
    return np.asarray(np.einsum("fi,fi->f", frames, frames, dtype=np.float64) / frame)


def _louder_frames(energy: NDArray[np.float64], range_db: float) -> NDArray[np.intp]:
    """Indices of the frames that are less than `range_db` below the loudest one, and above silence."""
    threshold = max(float(energy.max(initial=0.0)) * 10 ** (-range_db / 10), 10 ** (SILENCE_DBFS / 10))
    frames: NDArray[np.intp] = np.flatnonzero(energy > threshold)
    return frames
