"""From a plan to the events on a timeline, and to the waveform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compa.audio.loudness import loudness
from compa.manifest import Event
from compa.scenes.claims import While
from compa.scenes.composition.plan import Plan, RelationNode, SceneNode, SoundNode
from compa.scenes.composition.preparation import SNIPPET_LEVEL, PreparedSnippet, SnippetPreparer

SCENE_RMS = 0.1
"""The level of every rendered scene (-20 dBFS), lowered for a scene and its twin alike where a peak would clip."""
MAX_PEAK = 0.99
MIN_OVERLAP = 0.6
"""The least fraction of the shorter of two simultaneous sounds that is overlapped: more than `While` needs."""


class Placed(NamedTuple):
    """A sound at its place: the first sample, what was planned, and what is played there."""

    start: int
    node: SoundNode
    sound: PreparedSnippet


@dataclass(frozen=True)
class Timeline:
    """Sounds at their places.

    Attributes:
        plan: The plan of the scene.
        placed: The sounds, by onset.
        events: The same as the manifest has it; claims are judged on this.
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


def lay_out(plan: Plan, preparer: SnippetPreparer) -> Timeline | None:
    """Places the sounds of a plan; None where one cannot be prepared, or they take longer than the scene."""
    arranged = _arrange(plan.root, plan, preparer)
    if arranged is None:
        return None
    placed, length = arranged
    spare = round(plan.seconds * preparer.sample_rate) - length
    if spare < 0:
        return None
    start = int(plan.start * spare)
    in_order = sorted((_moved(item, start) for item in placed), key=lambda item: item.start)
    events = tuple(_event(plan, item, preparer.sample_rate) for item in in_order)
    return Timeline(plan, tuple(in_order), events, preparer.sample_rate)


def mix(timelines: Sequence[Timeline]) -> NDArray[np.float32]:
    """Renders a scene and its edits so that neither length nor level nor fades tell them apart.

    Args:
        timelines: Of one length and sample rate.

    Returns:
        Waveforms of shape (scenes, samples), all of the same RMS.
    """
    mixed = np.zeros((len(timelines), timelines[0].num_samples), dtype=np.float32)
    for waveform, timeline in zip(mixed, timelines, strict=True):
        if timeline.plan.background:
            waveform += _noise(*timeline.plan.background, len(waveform), timeline.sample_rate)
        for start, node, sound in timeline.placed:
            gain = np.float32(10 ** (timeline.plan.level_of(node) / 20))
            waveform[start : start + len(sound.waveform)] += gain * sound.waveform
    energy = np.einsum("si,si->s", mixed, mixed) / mixed.shape[1]
    mixed *= (SCENE_RMS / np.sqrt(np.maximum(energy, 1e-18)))[:, None]
    peak = max(float(mixed.max()), -float(mixed.min()))
    if peak > MAX_PEAK:
        mixed *= MAX_PEAK / peak
    return mixed


def _arrange(node: SceneNode, plan: Plan, preparer: SnippetPreparer) -> tuple[list[Placed], int] | None:
    """Places the sounds of a node from sample 0 on, and counts the samples that they take."""
    rate = preparer.sample_rate
    if isinstance(node, SoundNode):
        sound = preparer.prepare(node, plan)
        if sound is None:
            return None
        starts = [0]
        for pause in node.pauses[: node.count - 1]:
            starts.append(starts[-1] + len(sound.waveform) + round(pause * rate))
        return [Placed(start, node, sound) for start in starts], starts[-1] + len(sound.waveform)
    parts = []
    for part in node.parts:
        arranged = _arrange(part, plan, preparer)
        if arranged is None:
            return None
        parts.append(arranged)
    lengths = [length for _, length in parts]
    starts = _simultaneous_starts(node, lengths) if node.relation is While else _successive_starts(node, lengths, rate)
    placed = [_moved(item, start) for start, (inner, _) in zip(starts, parts, strict=True) for item in inner]
    return placed, max(start + length for start, length in zip(starts, lengths, strict=True))


def _moved(item: Placed, samples: int) -> Placed:
    return item._replace(start=item.start + samples)


def _successive_starts(node: RelationNode, lengths: Sequence[int], rate: int) -> list[int]:
    starts = [0]
    for length, gap in zip(lengths, node.gaps, strict=False):
        starts.append(starts[-1] + length + round(gap * rate))
    return starts[: len(lengths)]


def _simultaneous_starts(node: RelationNode, lengths: Sequence[int]) -> list[int]:
    """The longest part sets the frame; single sounds may extend beyond it, other parts lie within it."""
    frame = max(lengths)
    are_single = all(isinstance(part, SoundNode) and part.count == 1 for part in node.parts)
    beyond = 1 - MIN_OVERLAP if are_single else 0.0
    starts = [
        round(-beyond * length + shift * (frame - length + 2 * beyond * length))
        if number != lengths.index(frame)
        else 0
        for number, (length, shift) in enumerate(zip(lengths, node.shifts, strict=True))
    ]
    return [start - min(starts) for start in starts]


def _event(plan: Plan, placed: Placed, sample_rate: int) -> Event:
    attributes: dict[str, float | str] = dict(placed.sound.snippet.attributes)
    for attribute, value in plan.values_of(placed.node):
        attributes |= attribute.event_attributes(value)
    return Event(
        placed.node.label,
        onset=round(placed.start / sample_rate, 6),
        offset=round((placed.start + len(placed.sound.waveform)) / sample_rate, 6),
        level_db=round(plan.level_of(placed.node), 3),
        attributes=attributes,
    )


def _noise(seed: int, level_db: float, num_samples: int, sample_rate: int) -> NDArray[np.float32]:
    """A steady noise with a spectral tilt of its own."""
    rng = np.random.default_rng(seed)
    spectrum = np.fft.rfft(rng.normal(size=num_samples))
    hz = np.maximum(np.fft.rfftfreq(num_samples, 1 / sample_rate), 30.0)
    noise = np.asarray(np.fft.irfft(spectrum * hz ** -rng.uniform(0.2, 1.0), num_samples), dtype=np.float32)
    return noise * np.float32(10 ** ((SNIPPET_LEVEL + level_db - loudness(noise, sample_rate)) / 20))
