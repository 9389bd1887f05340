"""The batch: what every data source hands to the training step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compa.manifest import Event

NO_SAMPLES: NDArray[np.float32] = np.zeros(0, dtype=np.float32)


@dataclass(frozen=True)
class Text:
    """A further text of a clip, true of it or a hard negative; `claim` is in canonical form, or None."""

    text: str
    claim: str | None = None
    is_positive: bool = False


@dataclass(frozen=True)
class Example:
    """One clip with the texts drawn for this visit.

    Attributes:
        id: The clip's id.
        waveform: float32 mono (samples,) at the model's rate.
        caption: A text that is true of the clip.
        claim: The caption's claim in canonical form, or None.
        extras: Further texts, positives first.
        other_true_texts: Texts that are known to be true of the clip, too, but were not drawn.
        events: What sounds when; empty where it is not known.
        kind: What sort of clip it is; validation reports scores for each kind.
        twin: Id of the clip's minimal edit, or None.
        features: Log-mel frames (frames, mels) in place of the waveform, or None.
    """

    id: str
    waveform: NDArray[np.float32]
    caption: str
    claim: str | None = None
    extras: tuple[Text, ...] = ()
    other_true_texts: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()
    kind: str = ""
    twin: str | None = None
    features: NDArray[np.float16] | None = None


@dataclass(frozen=True)
class Batch:
    """B clips and their texts.

    Attributes:
        waveforms: (B, samples) float32, zero beyond each clip's length.
        lengths: (B,) int64 samples of each clip.
        examples: The B clips; their waveforms are empty here, since what a worker sends is copied.
        captions: One true text a clip.
        extras: M further texts, each of one clip.
        owner: (M,) int64 index of that clip.
        is_positive: (M,) bool; the others are hard negatives.
        claims: B + M claims of captions, then extras, in canonical form or None.
        features: (B, frames, mels) log-mel frames in place of the waveforms, zero beyond each clip's own, or None.
        num_frames: (B,) int64 frames of each clip, or None.
    """

    waveforms: Tensor
    lengths: Tensor
    examples: Sequence[Example]
    captions: list[str]
    extras: list[str] = field(default_factory=list)
    owner: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    is_positive: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.bool))
    claims: list[str | None] = field(default_factory=list)
    features: Tensor | None = None
    num_frames: Tensor | None = None

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on a device."""
        names = ("waveforms", "lengths", "owner", "is_positive", "features", "num_frames")
        tensors = {name: getattr(self, name) for name in names}
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items() if tensor is not None})


def collate(examples: Sequence[Example]) -> Batch:
    """Pads the clips with zeros and lines up their texts."""
    lengths = torch.tensor([len(example.waveform) for example in examples])
    waveforms = torch.zeros(len(examples), int(lengths.max()))
    for row, example in enumerate(examples):
        waveforms[row, : len(example.waveform)] = torch.from_numpy(example.waveform)
    extras = [(row, text) for row, example in enumerate(examples) for text in example.extras]
    return Batch(
        waveforms=waveforms,
        lengths=lengths,
        examples=[replace(example, waveform=NO_SAMPLES, features=None) for example in examples],
        captions=[example.caption for example in examples],
        extras=[text.text for _, text in extras],
        owner=torch.tensor([row for row, _ in extras], dtype=torch.int64),
        is_positive=torch.tensor([text.is_positive for _, text in extras], dtype=torch.bool),
        claims=[*(example.claim for example in examples), *(text.claim for _, text in extras)],
        **_padded_features([example.features for example in examples if example.features is not None]),
    )


def _padded_features(features: Sequence[NDArray[np.float16]]) -> dict[str, Tensor]:
    if not features:
        return {}
    num_frames = torch.tensor([len(one) for one in features])
    padded = torch.zeros(len(features), int(num_frames.max()), features[0].shape[1])
    for row, one in enumerate(features):
        padded[row, : len(one)] = torch.from_numpy(one)
    return {"features": padded, "num_frames": num_frames}
