"""Pooling of a variable number of vectors into one, without padding."""

from __future__ import annotations

import torch
from torch import Tensor


def masked_mean(tokens: Tensor, mask: Tensor) -> Tensor:
    """Means over the real tokens.

    Args:
        tokens: (B, T, width).
        mask: (B, T), True on real tokens; at least one a row.

    Returns:
        (B, width).
    """
    weights = mask.to(tokens.dtype)
    return (tokens * weights[..., None]).sum(1) / weights.sum(1, keepdim=True)


def segment_means(frames: Tensor, mask: Tensor, num_segments: int) -> Tensor:
    """Means over equal time segments of each clip's own duration, in order: a pooling that keeps time.

    A frame across a border counts in both segments, weighted by its overlap, so clips shorter than `num_segments`
    frames work, too.

    Args:
        frames: (B, T, width); real frames first.
        mask: (B, T), True on real frames; at least one a row.
        num_segments: S.

    Returns:
        (B, S, width).
    """
    lengths = mask.sum(1).to(frames.dtype)[:, None, None]
    starts = (
        torch.arange(num_segments, device=frames.device, dtype=frames.dtype)[None, :, None] * lengths / num_segments
    )
    ends = starts + lengths / num_segments
    positions = torch.arange(frames.shape[1], device=frames.device, dtype=frames.dtype)[None, None, :]
    overlaps = (torch.minimum(positions + 1, ends) - torch.maximum(positions, starts)).clamp_min(0)
    overlaps = overlaps * mask[:, None, :]
    return (overlaps / (lengths / num_segments)) @ frames
