"""Encoders with a fixed number of input frames, on clips of any length."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor


def by_windows(
    encode: Callable[[Tensor], Sequence[Tensor]],
    features: Tensor,
    mask: Tensor,
    window_frames: int,
    silence: float | Tensor,
) -> tuple[tuple[Tensor, ...], Tensor]:
    """Encodes clips window by window, and concatenates the frames in time.

    Every window has its full size, filled up with silence, and windows without real frames are left out. So neither
    padding nor the other clips of a batch change a frame.

    Args:
        encode: Windows (N, window_frames, mels) to layers of frames (N, F, width).
        features: (B, T, mels).
        mask: (B, T), True on real frames, which come first.
        window_frames: Frames of a window.
        silence: The feature of a silent band, or one a clip (B, 1, 1).

    Returns:
        Layers (B, windows x F, width) and a mask that is True on frames that cover something real.
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
        layers = encode(windows)
    else:
        layers = [_scattered(layer, is_real) for layer in encode(windows[is_real])]
    size = layers[0].shape[1]
    real_frames = torch.div(lengths * size + window_frames - 1, window_frames, rounding_mode="floor")
    frame_mask = torch.arange(size, device=mask.device) < real_frames[..., None]
    joined = tuple(layer.view(num_clips, num_windows * size, -1) for layer in layers)
    return joined, frame_mask.view(num_clips, -1)


def _scattered(encoded: Tensor, is_real: Tensor) -> Tensor:
    """Rows of the windows that were encoded, and zeros for the others."""
    whole = encoded.new_zeros(len(is_real), *encoded.shape[1:])
    whole[is_real] = encoded
    return whole
