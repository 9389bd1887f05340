"""Removes silence before the first and after the last sound of a clip."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.audio.features import AudioConfig

RANGE_DB = 60.0
"""A frame is silent if the power of all its bands is this far below that of the clip's loudest frame ..."""


def without_silence(features: Tensor, mask: Tensor, config: AudioConfig) -> tuple[Tensor, Tensor]:
    """Cuts off silence at both ends of each clip, so that its time segments are those of the sounds.

    "A, then B" is the same claim wherever in the clip the sounds are; in segments of the whole clip it would have to be
    learned anew for every position. Pauses between sounds stay, and so does a clip without any sound.

    Args:
        features: Log-mel features (B, T, mels).
        mask: (B, T), True on real frames.
        config: Of the features.

    Returns:
        Features (B, T', mels) and mask (B, T'), as long as the longest remaining clip; padding is 0.
    """
    floor, offset, factor = config.scale
    powers = (10 ** (features / factor - offset) - floor).sum(2)
    # ... or if it exceeds the floor of the features by less than the floor of one band.
    threshold = (powers.masked_fill(~mask, 0).amax(1, keepdim=True) * 10 ** (-RANGE_DB / 10)).clamp_min(floor)
    sounds = mask & (powers > threshold)
    sounds = (sounds | mask & ~sounds.any(1, keepdim=True)).long()
    first = sounds.argmax(1, keepdim=True)
    lengths = sounds.shape[1] - sounds.flip(1).argmax(1, keepdim=True) - first
    longest = features.shape[1] if torch.compiler.is_compiling() else int(lengths.max())
    places = torch.arange(longest, device=features.device)
    mask = places < lengths
    rows = (first + places).clamp_max(features.shape[1] - 1)[..., None].expand(-1, -1, features.shape[2])
    return features.gather(1, rows) * mask[..., None], mask
