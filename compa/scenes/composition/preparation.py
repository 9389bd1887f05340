"""Where the sounds of a plan are prepared: cut, changed, faded, and brought to one loudness."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.composition.effects import at_distance, at_pitch, at_rate
from compa.scenes.composition.loudness import loudness
from compa.scenes.composition.plan import Leaf, Plan, Take
from compa.scenes.scene import FADE_SECONDS

LOUDNESS = -23.0
"""Every prepared sound has so many LUFS before its level is set."""
MIN_SECONDS = 0.25
"""What is shorter when all silence is cut off is no event."""
ACTIVE_RANGE_DB = 40.0
"""An event ends with the last frame that is less than this below its loudest one."""
FRAME_SECONDS = 0.01
MAX_CUTS = 5
MIN_RHYTHM_DB = 4.0
"""A sound is fast or slow only if its level moves by so much (standard deviation): steady rain has no tempo."""
RHYTHM_SECONDS = 0.1
"""What moves faster than this is heard as pitch or roughness."""
MIN_MOVED_SHARE = 0.9
"""A sound is high or low only if so much of its power was moved to where it can be heard."""
HEARD_HZ = 60.0
MIN_DULLED_OCTAVES = 0.1
"""A sound is near or far only if from afar the middle of its spectrum is so much lower: air takes little of what is
deep, and the room adds as much."""
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
        self._cut: dict[tuple[Take, float], Snippet] = {}
        self._prepared: dict[tuple[object, ...], Prepared | None] = {}

    @property
    def sample_rate(self) -> int:
        """Of every sound, in Hz."""
        return self.bank.sample_rate

    def prepare(self, leaf: Leaf, plan: Plan) -> Prepared | None:
        """The sound of a leaf; None where its recording is too short."""
        seconds = plan.seconds_of(leaf)
        semitones, rate, metres = (plan.amount(leaf, *what) for what in (("pitch", 0), ("rate", 1), ("distance", 0)))
        key = (leaf.take, plan.longest_of(leaf), seconds, semitones, rate, metres)
        if key not in self._prepared:
            snippet = self._snippet(leaf, plan)
            waveform = snippet.waveform[: round(seconds * rate * self.sample_rate)]
            if (rate != 1 and not self._has_rhythm(waveform)) or (semitones and not self._moves(waveform, semitones)):
                self._prepared[key] = None
                return None
            if rate != 1:
                waveform = at_rate(waveform, rate, self.sample_rate)
            if semitones:
                waveform = at_pitch(waveform, semitones, self.sample_rate)
            if "distance" in leaf.traits and not self._dulls(waveform, plan.amounts["distance", "far"]):
                self._prepared[key] = None
                return None
            finished = self._finished(at_distance(waveform, metres, self.sample_rate))
            self._prepared[key] = None if finished is None else Prepared(finished, snippet)
        return self._prepared[key]

    def _snippet(self, leaf: Leaf, plan: Plan) -> Snippet:
        """The piece of a recording that a leaf and its twins are made of."""
        seconds = plan.longest_of(leaf) * (MAX_RATE if "rate" in leaf.traits else 1.0)
        if (leaf.take, seconds) not in self._cut:
            rng = np.random.default_rng(leaf.take.number)
            self._cut[leaf.take, seconds] = self.bank.sample(leaf.label, rng, duration=seconds)
        return self._cut[leaf.take, seconds]

    def _has_rhythm(self, waveform: NDArray[np.float32]) -> bool:
        """Whether a change of tempo can be heard."""
        energy = frame_energy(waveform, max(1, round(FRAME_SECONDS * self.sample_rate)))
        num_frames = round(RHYTHM_SECONDS / FRAME_SECONDS)
        if len(energy) < 3 * num_frames:
            return False
        smooth = np.convolve(energy, np.ones(num_frames) / num_frames, mode="valid")
        return float(np.std(10 * np.log10(smooth + smooth.max() * 10 ** (-ACTIVE_RANGE_DB / 10)))) >= MIN_RHYTHM_DB

    def _moves(self, waveform: NDArray[np.float32], semitones: float) -> bool:
        """Whether nearly all of a sound stays between the lowest and the highest pitch when it is moved."""
        power = np.abs(np.fft.rfft(waveform)) ** 2
        hz = np.fft.rfftfreq(len(waveform), 1 / self.sample_rate) * 2 ** (semitones / 12)
        heard = (hz > HEARD_HZ) & (hz < 0.45 * self.sample_rate)
        return float(power[heard].sum()) >= MIN_MOVED_SHARE * float(power.sum())

    def _dulls(self, waveform: NDArray[np.float32], metres: float) -> bool:
        """Whether distance can be heard."""
        near, far = self._finished(waveform), self._finished(at_distance(waveform, metres, self.sample_rate))
        if near is None or far is None:
            return False
        return self._middle(near) - self._middle(far) >= MIN_DULLED_OCTAVES

    def _middle(self, waveform: NDArray[np.float32]) -> float:
        """The middle of the spectrum that is heard in octaves, weighed with the amplitude."""
        hz = np.fft.rfftfreq(len(waveform), 1 / self.sample_rate)
        amplitudes = np.abs(np.fft.rfft(waveform)) + 1e-12
        return float(np.average(np.log2(hz[hz > HEARD_HZ]), weights=amplitudes[hz > HEARD_HZ]))

    def _finished(self, waveform: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """Fades in and out, cuts off what then cannot be heard at the ends, and sets the loudness."""
        frame = max(1, round(FRAME_SECONDS * self.sample_rate))
        ramp = fade_in(self.sample_rate)
        for _ in range(MAX_CUTS):
            waveform = waveform[: len(waveform) // frame * frame]
            if len(waveform) < MIN_SECONDS * self.sample_rate:
                return None
            faded = waveform.copy()
            faded[: len(ramp)] *= ramp
            faded[len(faded) - len(ramp) :] *= ramp[::-1]
            energy = frame_energy(faded, frame)
            heard = np.flatnonzero(energy > energy.max() * 10 ** (-ACTIVE_RANGE_DB / 10))
            if not len(heard):
                return None
            first, end = int(heard[0]), int(heard[-1]) + 1
            if first <= 1 and end >= len(energy) - 1:
                faded *= np.float32(10 ** ((LOUDNESS - loudness(faded, self.sample_rate)) / 20))
                return faded
            waveform = waveform[first * frame : end * frame]  # a click at the edge was faded away: begin after it
        return None


def frame_energy(waveform: NDArray[np.float32], frame: int) -> NDArray[np.float32]:
    """Energy of whole frames, shape (frames,)."""
    frames = waveform[: len(waveform) // frame * frame].reshape(-1, frame)
    return np.asarray(np.einsum("fi,fi->f", frames, frames), dtype=np.float32)


def fade_in(sample_rate: int) -> NDArray[np.float32]:
    """A quarter sine: where two sounds cross-fade, the summed power stays level."""
    return np.sin(np.linspace(0, np.pi / 2, round(FADE_SECONDS * sample_rate), dtype=np.float32))
