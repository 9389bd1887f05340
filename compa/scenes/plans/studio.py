"""Where the sounds of a plan are prepared: cut, changed, faded, and brought to one loudness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compa.scenes.bank import EventBank, Snippet
from compa.scenes.loudness import loudness
from compa.scenes.plans.plan import Leaf, Plan, Take
from compa.scenes.processing import at_distance, at_pitch, at_rate
from compa.scenes.scene import FADE_SECONDS

LOUDNESS = -23.0
"""Every prepared sound has so many LUFS before its level is set."""
MIN_SECONDS = 0.25
"""What is shorter when all silence is cut off is no event."""
ACTIVE_RANGE_DB = 40.0
"""An event ends with the last frame that is less than this below its loudest one."""
FRAME_SECONDS = 0.01
MAX_RATE = 1.7
"""Where tempo is varied, so many times as much is cut out, so that the fast version lasts as long as the slow one."""


@dataclass(frozen=True)
class Prepared:
    """A sound as it goes into the mix, but for its level: float32 of shape (samples,), and what it was made of."""

    waveform: NDArray[np.float32]
    snippet: Snippet


class Studio:
    """Prepares sounds of a bank, each once: make one for a scene and its twins.

    Args:
        bank: Where the sounds come from.
    """

    def __init__(self, bank: EventBank) -> None:
        self.bank = bank
        self._cut: dict[tuple[Take, bool], Snippet] = {}
        self._prepared: dict[tuple[object, ...], Prepared | None] = {}

    @property
    def sample_rate(self) -> int:
        """Of every sound, in Hz."""
        return self.bank.sample_rate

    def prepare(self, leaf: Leaf, plan: Plan) -> Prepared | None:
        """The sound of a leaf; None where its recording is too short."""
        seconds = plan.seconds_of(leaf)
        semitones, rate, metres = (plan.amount(leaf, *what) for what in (("pitch", 0), ("rate", 1), ("distance", 0)))
        key = (leaf.take, seconds, semitones, rate, metres)
        if key not in self._prepared:
            snippet = self._snippet(leaf.take, rate != 1)
            waveform = snippet.waveform[: round(seconds * rate * self.sample_rate)]
            if rate != 1:
                waveform = at_rate(waveform, rate, self.sample_rate)
            if semitones:
                waveform = at_pitch(waveform, semitones, self.sample_rate)
            waveform = at_distance(waveform, metres, self.sample_rate)
            self._prepared[key] = self._finished(waveform, snippet)
        return self._prepared[key]

    def _snippet(self, take: Take, varies_rate: bool) -> Snippet:
        if (take, varies_rate) not in self._cut:
            rng = np.random.default_rng(take.number)
            seconds = take.seconds * (MAX_RATE if varies_rate else 1.0)
            self._cut[take, varies_rate] = self.bank.sample(take.label, rng, duration=seconds)
        return self._cut[take, varies_rate]

    def _finished(self, waveform: NDArray[np.float32], snippet: Snippet) -> Prepared | None:
        """Cuts silence off the end, fades in and out, and sets the loudness."""
        frame = max(1, round(FRAME_SECONDS * self.sample_rate))
        frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
        energy = np.einsum("fi,fi->f", frames, frames)
        if not len(energy) or energy.max() <= 0:
            return None
        last = int(np.flatnonzero(energy > energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10))[-1]) + 1
        if last * FRAME_SECONDS < MIN_SECONDS:
            return None
        waveform = waveform[: last * frame].copy()
        ramp = fade_in(self.sample_rate)
        waveform[: len(ramp)] *= ramp
        waveform[len(waveform) - len(ramp) :] *= ramp[::-1]
        waveform *= np.float32(10 ** ((LOUDNESS - loudness(waveform, self.sample_rate)) / 20))
        return Prepared(waveform, snippet)


def fade_in(sample_rate: int) -> NDArray[np.float32]:
    """A quarter sine: where two sounds cross-fade, the summed power stays level."""
    return np.sin(np.linspace(0, np.pi / 2, round(FADE_SECONDS * sample_rate), dtype=np.float32))
