"""From a plan to who sounds when, and to the waveform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Event
from compa.scenes.claims import While
from compa.scenes.composition.loudness import loudness
from compa.scenes.composition.plan import Group, Leaf, Node, Plan
from compa.scenes.composition.preparation import LOUDNESS, Prepared, Studio
from compa.scenes.scene import SCENE_RMS

MIN_SHARE = 0.6
"""Of two single sounds at once, this share of the shorter one is overlapped at least: more than `While` asks for."""
MAX_PEAK = 0.99

Placed = tuple[int, Leaf, Prepared]  # the first sample, and what starts there


@dataclass(frozen=True)
class Timeline:
    """Sounds at their places.

    Attributes:
        plan: What this is the timeline of.
        placed: First sample, leaf and prepared sound, by onset.
        events: The same, as a manifest has it; claims are judged on this.
        sample_rate: In Hz.
    """

    plan: Plan
    placed: tuple[Placed, ...]
    events: tuple[Event, ...]
    sample_rate: int

    @property
    def num_samples(self) -> int:
        """The samples of the scene."""
        return round(self.plan.seconds * self.sample_rate)


def lay_out(plan: Plan, studio: Studio) -> Timeline | None:
    """Places the sounds of a plan; None where they do not fit, or a recording is too short to be heard."""
    arranged = _arrange(plan.root, plan, studio)
    if arranged is None:
        return None
    sounds, length = arranged
    room = round(plan.seconds * studio.sample_rate) - length
    if room < 0:
        return None
    start = int(plan.start * room)
    placed = tuple(sorted(((start + at, leaf, sound) for at, leaf, sound in sounds), key=lambda item: item[0]))
    return Timeline(plan, placed, tuple(_event(plan, item, studio.sample_rate) for item in placed), studio.sample_rate)


def mix(timelines: Sequence[Timeline]) -> NDArray[np.float32]:
    """Renders scenes that are each other's edits, so that neither length nor loudness nor fades tell them apart.

    Args:
        timelines: Of one length and sample rate.

    Returns:
        Waveforms of shape (scenes, samples), all of the same RMS.
    """
    mixed = np.zeros((len(timelines), timelines[0].num_samples), dtype=np.float32)
    for waveform, timeline in zip(mixed, timelines, strict=True):
        if timeline.plan.bed:
            waveform += _bed(*timeline.plan.bed, len(waveform), timeline.sample_rate)
        for start, leaf, sound in timeline.placed:
            gain = np.float32(10 ** (timeline.plan.level_of(leaf) / 20))
            waveform[start : start + len(sound.waveform)] += gain * sound.waveform
    energy = np.einsum("si,si->s", mixed, mixed) / mixed.shape[1]
    mixed *= (SCENE_RMS / np.sqrt(np.maximum(energy, 1e-18)))[:, None]
    peak = max(float(mixed.max()), -float(mixed.min()))
    if peak > MAX_PEAK:
        mixed *= MAX_PEAK / peak
    return mixed


def _arrange(node: Node, plan: Plan, studio: Studio) -> tuple[list[Placed], int] | None:
    """Places a node's sounds from sample 0 on, and says how many samples it takes."""
    rate = studio.sample_rate
    if isinstance(node, Leaf):
        sound = studio.prepare(node, plan)
        if sound is None:
            return None
        starts = [0]
        for pause in node.pauses[: node.count - 1]:
            starts.append(starts[-1] + len(sound.waveform) + round(pause * rate))
        return [(start, node, sound) for start in starts], starts[-1] + len(sound.waveform)
    parts = [_arrange(part, plan, studio) for part in node.parts]
    known = [part for part in parts if part is not None]
    if len(known) < len(parts):
        return None
    lengths = [length for _, length in known]
    starts = _starts_at_once(node, lengths) if node.relation is While else _starts_in_turn(node, lengths, rate)
    sounds = [
        (start + at, leaf, sound) for start, (inner, _) in zip(starts, known, strict=True) for at, leaf, sound in inner
    ]
    return sounds, max(start + length for start, length in zip(starts, lengths, strict=True))


def _starts_in_turn(group: Group, lengths: Sequence[int], rate: int) -> list[int]:
    starts = [0]
    for length, gap in zip(lengths, group.gaps, strict=False):
        starts.append(starts[-1] + length + round(gap * rate))
    return starts[: len(lengths)]


def _starts_at_once(group: Group, lengths: Sequence[int]) -> list[int]:
    """The longest part sets the frame; single sounds may stick out of it, the others lie in it."""
    frame = max(lengths)
    single = all(isinstance(part, Leaf) and part.count == 1 for part in group.parts)
    out = 1 - MIN_SHARE if single else 0.0
    starts = [
        round(-out * length + shift * (frame - length + 2 * out * length)) if number != lengths.index(frame) else 0
        for number, (length, shift) in enumerate(zip(lengths, group.shifts, strict=True))
    ]
    return [start - min(starts) for start in starts]


def _event(plan: Plan, placed: Placed, sample_rate: int) -> Event:
    start, leaf, sound = placed
    made = {name: round(plan.amounts[name, word], 3) for name, word in leaf.traits.items() if name in _MADE}
    return Event(
        leaf.label,
        onset=round(start / sample_rate, 6),
        offset=round((start + len(sound.waveform)) / sample_rate, 6),
        level_db=round(plan.level_of(leaf), 3),
        attributes={**sound.snippet.attributes, **made},
    )


_MADE = ("pitch", "rate", "distance")


def _bed(number: int, level_db: float, num_samples: int, sample_rate: int) -> NDArray[np.float32]:
    """A steady noise with a colour of its own."""
    rng = np.random.default_rng(number)
    spectrum = np.fft.rfft(rng.normal(size=num_samples))
    hz = np.maximum(np.fft.rfftfreq(num_samples, 1 / sample_rate), 30.0)
    noise = np.asarray(np.fft.irfft(spectrum * hz ** -rng.uniform(0.2, 1.0), num_samples), dtype=np.float32)
    return noise * np.float32(10 ** ((LOUDNESS + level_db - loudness(noise, sample_rate)) / 20))
