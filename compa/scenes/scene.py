"""A scene: snippets placed on a timeline at given levels, and the waveform that this makes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Event
from compa.scenes.banks.bank import Snippet

FADE_SECONDS = 0.02
"""Every snippet is faded in and out over this time, at joints or not, so that a fade tells nothing."""
SCENE_RMS = 0.1
"""The level that every rendered scene has (-20 dBFS), lowered for both twins alike where a peak would clip."""


@dataclass(frozen=True)
class Placement:
    """One snippet on the timeline: starts at `onset` (seconds), at `level_db` relative to the other snippets."""

    label: str
    snippet: Snippet
    onset: float
    level_db: float = 0.0

    @property
    def seconds(self) -> float:
        """How long the snippet sounds."""
        return len(self.snippet.waveform) / self.snippet.sample_rate


@dataclass(frozen=True)
class Scene:
    """Snippets on a timeline of `seconds`."""

    placements: tuple[Placement, ...]
    seconds: float

    @property
    def events(self) -> tuple[Event, ...]:
        """What sounds when, as a manifest has it; claims are judged on this."""
        return tuple(
            Event(
                placement.label,
                onset=round(placement.onset, 6),
                offset=round(placement.onset + placement.seconds, 6),
                level_db=placement.level_db,
                attributes=dict(placement.snippet.attributes),
            )
            for placement in self.placements
        )


def render(scenes: Sequence[Scene], sample_rate: int) -> NDArray[np.float32]:
    """Renders scenes that are each other's edits, so that length, loudness and fades cannot tell them apart.

    Every snippet is brought to equal RMS, faded, scaled by its level and added; every scene then has the same RMS.

    Args:
        scenes: Scenes of one length.
        sample_rate: In Hz; must be that of every snippet.

    Returns:
        Waveforms of shape `(len(scenes), samples)`.

    Raises:
        ValueError: If a snippet has another rate or does not fit into its scene.
    """
    num_samples = round(scenes[0].seconds * sample_rate)
    waveforms = np.stack([_mix(scene, sample_rate, num_samples) for scene in scenes])
    waveforms *= SCENE_RMS / np.maximum(_rms(waveforms), 1e-9)
    waveforms *= min(1.0, 0.99 / max(float(np.abs(waveforms).max()), 1e-9))
    return waveforms


def _mix(scene: Scene, sample_rate: int, num_samples: int) -> NDArray[np.float32]:
    waveform = np.zeros(num_samples, dtype=np.float32)
    for placement in scene.placements:
        snippet = placement.snippet
        start = round(placement.onset * sample_rate)
        end = start + len(snippet.waveform)
        if snippet.sample_rate != sample_rate:
            raise ValueError(f"{snippet.recording} has {snippet.sample_rate} Hz, not the scene's {sample_rate} Hz")
        if start < 0 or end > num_samples:
            raise ValueError(f"{placement.label} at {placement.onset:.3f} s does not fit into {scene.seconds} s")
        gain = 10 ** (placement.level_db / 20) / max(float(_rms(snippet.waveform)[0]), 1e-9)
        waveform[start:end] += gain * _fade(snippet.waveform, sample_rate)
    return waveform


def _rms(waveforms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Root mean square over the last axis, which is kept."""
    energy = np.einsum("...i,...i->...", waveforms, waveforms) / max(waveforms.shape[-1], 1)
    return np.asarray(np.sqrt(energy), dtype=np.float32)[..., None]


def _fade(waveform: NDArray[np.float32], sample_rate: int) -> NDArray[np.float32]:
    """Fades in and out along a quarter sine: where two snippets cross-fade, the summed power stays level."""
    length = min(round(FADE_SECONDS * sample_rate), len(waveform) // 2)
    ramp = np.sin(np.linspace(0, np.pi / 2, length, dtype=np.float32))
    faded = waveform.copy()
    faded[:length] *= ramp
    faded[len(faded) - length :] *= ramp[::-1]
    return faded
