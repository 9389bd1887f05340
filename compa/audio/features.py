"""Log-mel features, computed on the model's device from a padded batch of waveforms."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class AudioConfig:
    """The one place where data and model agree on what audio looks like.

    Attributes:
        sample_rate: In Hz.
        fft_size: Samples of a frame (Hann window).
        hop_size: Samples from one frame's start to the next one's.
        num_mels: Mel bands.
        min_hz: Lower edge of the lowest band.
        max_hz: Upper edge of the highest band; None is half of the sample rate.
        mel_scale: `slaney` or `htk`.
    """

    sample_rate: int = 16000
    fft_size: int = 400
    hop_size: int = 160
    num_mels: int = 64
    min_hz: float = 50.0
    max_hz: float | None = None
    mel_scale: str = "slaney"


class LogMel(nn.Module):
    """Waveforms to log-mel frames, scaled so that typical values lie between -1 and 1.

    Frames beyond a clip's own length are exactly 0, so padding carries nothing.
    """

    FLOOR = 1e-7

    def __init__(self, config: AudioConfig) -> None:
        super().__init__()
        self.config = config
        self.window: Tensor
        self.filters: Tensor
        self.register_buffer("window", torch.hann_window(config.fft_size), persistent=False)
        self.register_buffer("filters", _mel_filters(config), persistent=False)

    def num_frames(self, lengths: Tensor) -> Tensor:
        """How many frames clips of `lengths` samples have: one for every started hop."""
        return torch.div(lengths + self.config.hop_size - 1, self.config.hop_size, rounding_mode="floor")

    def forward(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Computes the features.

        Args:
            waveforms: (B, samples), zero beyond each clip's length.
            lengths: (B,) samples of each clip.

        Returns:
            Features (B, frames, mels) and a mask (B, frames) that is True on real frames.
        """
        size, hop = self.config.fft_size, self.config.hop_size
        with torch.autocast(waveforms.device.type, enabled=False):
            num_frames = math.ceil(waveforms.shape[1] / hop)
            right = (num_frames - 1) * hop + size - size // 2 - waveforms.shape[1]
            padded = nn.functional.pad(waveforms.to(self.window.dtype), (size // 2, max(right, 0)))
            spectra = torch.fft.rfft(padded.unfold(1, size, hop)[:, :num_frames] * self.window)
            power = (spectra.real.square() + spectra.imag.square()) @ self.filters
            features = (torch.log10(power.clamp_min(self.FLOOR)) + 3) / 4
        mask = torch.arange(num_frames, device=lengths.device) < self.num_frames(lengths)[:, None]
        return features * mask[..., None], mask


def _mel_filters(config: AudioConfig) -> Tensor:
    """The (bins, mels) filter bank of torchaudio, area-normalised."""
    try:
        from torchaudio.functional import melscale_fbanks  # type: ignore[import-untyped]
    except (ImportError, OSError) as error:  # OSError: built for another torch or for CUDA that is not there
        raise ValueError(
            f"torchaudio cannot be loaded beside torch {torch.__version__} ({str(error).splitlines()[0]}): install "
            "'torch>=2.11,<2.15' and 'torchaudio>=2.11,<2.12' from the same index into a fresh virtual environment"
        ) from None
    filters: Tensor = melscale_fbanks(
        config.fft_size // 2 + 1,
        config.min_hz,
        config.max_hz or config.sample_rate / 2,
        config.num_mels,
        config.sample_rate,
        norm="slaney",
        mel_scale=config.mel_scale,
    )
    return filters
