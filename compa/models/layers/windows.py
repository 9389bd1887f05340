"""Encoders that take a fixed number of frames, on clips of any length."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor


def by_windows(
    encode: Callable[[Tensor], Tensor], features: Tensor, mask: Tensor, window_frames: int, silence: float | Tensor
) -> tuple[Tensor, Tensor]:
    """Encodes clips window by window, and puts what comes out one after the other.

    Every window has its full size, filled up with silence, and windows in which nothing is real are left out. So
    neither padding nor batch-mates change a frame.

    Args:
        encode: Windows (N, window_frames, mels) to frames (N, F, width).
        features: (B, T, mels).
        mask: (B, T), True on real frames, which come first.
        window_frames: How many frames `encode` takes.
        silence: The feature of a band in which nothing sounds, or one a clip (B, 1, 1).

    Returns:
        Frames (B, windows x F, width) and a mask that is True on those that cover something real.
    """
    num_clips, num_frames, num_bands = features.shape
    num_windows = max(1, math.ceil(num_frames / window_frames))
    whole = features.new_empty(num_clips, num_windows * window_frames, num_bands)
    whole[:] = silence
    whole[:, :num_frames] = torch.where(mask[..., None], features, whole[:, :num_frames])
    starts = window_frames * torch.arange(num_windows, device=mask.device)
    lengths = (mask.sum(1, keepdim=True) - starts).clamp(0, window_frames)  # real frames of every window
    is_real = (lengths > 0).flatten()
    windows = whole.view(-1, window_frames, num_bands)
    if torch.compiler.is_compiling():  # a compiled or exported model does the same work for all content
        frames = encode(windows)
    else:
        encoded = encode(windows[is_real])
        frames = encoded.new_zeros(len(is_real), *encoded.shape[1:])
        frames[is_real] = encoded
    size = frames.shape[1]
    real_frames = torch.div(lengths * size + window_frames - 1, window_frames, rounding_mode="floor")
    frame_mask = torch.arange(size, device=mask.device) < real_frames[..., None]
    return frames.view(num_clips, num_windows * size, -1), frame_mask.view(num_clips, -1)
