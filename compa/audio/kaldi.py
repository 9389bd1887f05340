"""Kaldi's log-mel filter bank, which AST and other speech models read."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

FRAME_SECONDS, HOP_SECONDS = 0.025, 0.010
PRE_EMPHASIS = 0.97
MIN_HZ = 20.0
FLOOR = torch.finfo(torch.float32).eps
"""Lowest power of a band."""


class KaldiFilterBank(nn.Module):
    """Natural logarithms of mel powers, with Hann windows, pre-emphasis, and without a frame's mean.

    The features are those of `torchaudio.compliance.kaldi.fbank` with `window_type="hanning"`, without dither. Frames
    are wholly within the clip; one shorter than a frame is padded with zeros. Frames beyond a clip's own are 0.

    It is not that function since that computes one clip at a time, not a padded batch, and rounds its filters to
    float32: values differ by up to 1e-4.

    Args:
        sample_rate: In Hz.
        num_mels: Mel bands.
    """

    def __init__(self, sample_rate: int, num_mels: int) -> None:
        super().__init__()
        self.frame_size = round(FRAME_SECONDS * sample_rate)
        self.hop_size = round(HOP_SECONDS * sample_rate)
        self.fft_size = 2 ** math.ceil(math.log2(self.frame_size))
        self.window: Tensor
        self.filters: Tensor
        self.register_buffer("window", torch.hann_window(self.frame_size, periodic=False), persistent=False)
        self.register_buffer("filters", _filters(sample_rate, self.fft_size, num_mels), persistent=False)

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Computes features (B, T, mels) and their mask (B, T) of waveforms (B, samples) and lengths (B,)."""
        missing = max(self.frame_size - waveforms.shape[1], 0)
        with torch.autocast(waveforms.device.type, enabled=False):
            waveforms = nn.functional.pad(waveforms.to(self.window.dtype), (0, missing))
            frames = waveforms.unfold(1, self.frame_size, self.hop_size)
            frames = frames - frames.mean(2, keepdim=True)
            before = torch.cat([frames[..., :1], frames[..., :-1]], dim=2)
            spectra = torch.fft.rfft((frames - PRE_EMPHASIS * before) * self.window, n=self.fft_size)
            features = (spectra.abs().square() @ self.filters).clamp_min(FLOOR).log()
        num_frames = torch.div(lengths - self.frame_size, self.hop_size, rounding_mode="floor").clamp_min(0) + 1
        mask = torch.arange(features.shape[1], device=lengths.device) < num_frames[:, None]
        return features * mask[..., None], mask


def _filters(sample_rate: int, fft_size: int, num_mels: int) -> Tensor:
    """Triangles (bins, mels) that are straight on the mel scale."""
    hz = torch.arange(fft_size // 2 + 1, dtype=torch.float64) * sample_rate / fft_size
    mels = 1127 * torch.log1p(hz / 700)
    low, high = (1127 * math.log1p(edge / 700) for edge in (MIN_HZ, sample_rate / 2))
    width = (high - low) / (num_mels + 1)
    centres = low + width * torch.arange(1, num_mels + 1, dtype=torch.float64)
    return (1 - (mels[:, None] - centres).abs() / width).clamp_min(0).to(torch.get_default_dtype())
