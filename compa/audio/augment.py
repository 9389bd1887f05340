"""Augmentation of log-mel features in training: cheap changes that leave every claim true."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SpectrogramAugment(nn.Module):
    """Random equaliser, overall gain, and masked stretches of time and frequency; nothing in evaluation.

    All of them act on a whole clip's bands or frames alike, so they move neither order nor relative level: a masked
    stretch is short beside an event (SpecAugment, Park et al. 2019; the equaliser as in FilterAugment, Nam et al. 2022).

    Args:
        max_gain: Largest overall gain, in feature units (0.25 is 10 dB).
        max_band_gain: Largest gain of the equaliser at one of its anchor bands.
        num_anchors: Anchor bands of the equaliser; gains between them are interpolated.
        max_masked_frames: Longest masked stretch of time, in frames.
        max_masked_bands: Widest masked stretch of frequency, in bands.
    """

    def __init__(
        self,
        max_gain: float = 0.1,
        max_band_gain: float = 0.1,
        num_anchors: int = 5,
        max_masked_frames: int = 20,
        max_masked_bands: int = 10,
    ) -> None:
        super().__init__()
        self.max_gain = max_gain
        self.max_band_gain = max_band_gain
        self.num_anchors = num_anchors
        self.max_masked_frames = max_masked_frames
        self.max_masked_bands = max_masked_bands

    def forward(self, features: Tensor, mask: Tensor) -> Tensor:
        """Augments features (B, T, mels) with mask (B, T); each clip differently."""
        if not self.training:
            return features
        num_clips, num_frames, num_bands = features.shape
        gain = (torch.rand(num_clips, 1, 1, device=features.device) * 2 - 1) * self.max_gain
        anchors = (
            torch.rand(num_clips, 1, self.num_anchors, device=features.device) * 2 - 1
        ) * self.max_band_gain
        equaliser = nn.functional.interpolate(anchors, size=num_bands, mode="linear", align_corners=True)
        features = features + gain + equaliser
        silent = _stretch(num_clips, num_frames, self.max_masked_frames, features)[:, :, None]
        deaf = _stretch(num_clips, num_bands, self.max_masked_bands, features)[:, None, :]
        return features.masked_fill(silent | deaf, 0.0) * mask[..., None]


def _stretch(num_rows: int, size: int, longest: int, like: Tensor) -> Tensor:
    """(num_rows, size) bool, True on one random stretch of up to `longest` places a row."""
    length = torch.rand(num_rows, 1, device=like.device) * longest
    start = torch.rand(num_rows, 1, device=like.device) * (size - length)
    places = torch.arange(size, device=like.device)
    return (places >= start) & (places < start + length)
