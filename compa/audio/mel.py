"""Mel filter banks."""

from __future__ import annotations

import math
import warnings

import torch
from torch import Tensor

SLANEY_HZ = 200 / 3
"""Hz a mel of Slaney's scale, below its corner."""
SLANEY_CORNER_HZ = 1000.0
"""From here on Slaney's scale is logarithmic: 27 mels a factor of 6.4."""
SLANEY_LOG_STEP = math.log(6.4) / 27


def mel_filters(
    num_bins: int,
    num_mels: int,
    min_hz: float,
    max_hz: float,
    max_bin_hz: float,
    scale: str,
    has_equal_areas: bool,
    dtype: torch.dtype,
) -> Tensor:
    """Makes triangular filters whose corners are equally far apart on a mel scale.

    Args:
        num_bins: Frequencies of the spectrum, from 0 to `max_bin_hz`.
        num_mels: Filters.
        min_hz: Where the lowest filter starts.
        max_hz: Where the highest filter ends.
        max_bin_hz: Half of the sample rate.
        scale: `slaney` or `htk`.
        has_equal_areas: Whether filters have an area of 1 Hz; else all have a peak of 1.
        dtype: What is computed in: float32 is off by up to 6e-6 of a peak.

    Returns:
        (bins, mels).
    """
    bins = torch.linspace(0, max_bin_hz, num_bins, dtype=dtype)
    lowest, highest = _mel_of(min_hz, scale), _mel_of(max_hz, scale)
    corners = _hz_of(torch.linspace(lowest, highest, num_mels + 2, dtype=dtype), scale)
    distances, widths = corners - bins[:, None], corners.diff()
    rising, falling = -distances[:, :-2] / widths[:-1], distances[:, 2:] / widths[1:]
    filters = torch.minimum(rising, falling).clamp_min(0)
    if has_equal_areas:
        filters *= 2 / (corners[2:] - corners[:-2])
    if not filters.any(dim=0).all():
        warnings.warn(
            f"some of {num_mels} mel bands hold none of {num_bins} frequencies: take fewer bands or a larger fft_size",
            stacklevel=2,
        )
    return filters


def _mel_of(hz: float, scale: str) -> float:
    if scale == "htk":
        return 2595 * math.log10(1 + hz / 700)
    if hz < SLANEY_CORNER_HZ:
        return hz / SLANEY_HZ
    return SLANEY_CORNER_HZ / SLANEY_HZ + math.log(hz / SLANEY_CORNER_HZ) / SLANEY_LOG_STEP


def _hz_of(mels: Tensor, scale: str) -> Tensor:
    if scale == "htk":
        return 700 * (10 ** (mels / 2595) - 1)
    corner = SLANEY_CORNER_HZ / SLANEY_HZ
    return torch.where(
        mels >= corner, SLANEY_CORNER_HZ * torch.exp(SLANEY_LOG_STEP * (mels - corner)), SLANEY_HZ * mels
    )
