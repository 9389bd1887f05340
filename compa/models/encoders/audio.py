"""What an audio encoder is, and a small one that is trained from scratch."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, LogMel, audio_config
from compa.models.layers.transformer import Block

Pad = Literal["mask", "repeatpad", "repeat", "zeros"]
"""What becomes of clips shorter than a window: what is not there is left out of everything, or as CLAP checkpoints do,
the clip is repeated as often as it fits, or to the window's end, or followed by silence that counts."""


class AudioEncoder(nn.Module):
    """What CLAP needs of an audio encoder: features in, frames out, padding without influence.

    Attributes:
        config: The features it reads.
        width: Size of a frame's vector.
        init_args: The arguments that build it again.
        window_seconds: Longer clips are embedded window by window, where a trained model is used.
        pad: What becomes of clips shorter than a window.
        trims_silence: Whether silence at both ends of a clip is cut off before the encoder sees it.
    """

    config: AudioConfig
    width: int
    init_args: dict[str, Any]
    window_seconds: float = 10.0
    pad: Pad = "mask"
    trims_silence: bool = False

    def front_end(self) -> nn.Module:
        """What makes features (B, T, mels) and their mask (B, T) of waveforms (B, samples) and lengths (B,)."""
        return LogMel(self.config)

    def fill(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Brings waveforms (B, samples) and lengths (B,) into the form that the front end is to see."""
        return waveforms, lengths

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        raise TypeError(f"{type(self).__name__} is no audio encoder of its own")


class ConvTransformer(AudioEncoder):
    """Patches of the log-mel image, a convolution over them, then transformer blocks over the frames that are left.

    Every normalization is over the channels of one place, and every layer's output is masked, so neither padding nor
    the other clips of a batch change a frame.

    Args:
        config: The log-mel features it reads, or a name of `compa.audio.features.PRESETS`.
        patch_frames: Frames of a patch; patches do not overlap.
        patch_bands: Mel bands of a patch.
        patch_channels: Channels of a patch.
        channels: Channels after the 3 x 3 convolution, which halves time and frequency.
        width: Size of a frame's vector.
        num_layers: Transformer blocks.
        num_heads: Attention heads of a block.
        dropout: Dropout of the blocks, and on the frames that enter them.
    """

    trims_silence = True

    def __init__(
        self,
        config: AudioConfig | str | None = None,
        patch_frames: int = 4,
        patch_bands: int = 8,
        patch_channels: int = 48,
        channels: int = 96,
        width: int = 128,
        num_layers: int = 1,
        num_heads: int = 4,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.config = audio_config(config)
        self.width = width
        self.patch_frames = patch_frames
        self.init_args = {
            "patch_frames": patch_frames,
            "patch_bands": patch_bands,
            "patch_channels": patch_channels,
            "channels": channels,
            "width": width,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
        }
        patch = (patch_frames, patch_bands)
        self.patches = nn.Conv2d(1, patch_channels, kernel_size=patch, stride=patch)
        self.patch_norm = nn.LayerNorm(patch_channels)
        self.convolution = nn.Conv2d(patch_channels, channels, kernel_size=3, stride=2, padding=1)
        self.convolution_norm = nn.LayerNorm(channels)
        num_bands = (self.config.num_mels // patch_bands + 1) // 2
        self.project = nn.Linear(channels * num_bands, width)
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        missing = -features.shape[1] % self.patch_frames
        features = nn.functional.pad(features, (0, 0, 0, missing))
        mask = nn.functional.pad(mask, (0, missing))[:, :: self.patch_frames]
        image = features[:, None].contiguous(memory_format=torch.channels_last)
        image = _activated(self.patches(image), self.patch_norm, mask)
        mask = mask[:, ::2]
        image = _activated(self.convolution(image), self.convolution_norm, mask)
        frames = self.dropout(self.project(image.permute(0, 2, 3, 1).flatten(2)))
        for block in self.blocks:
            frames = block(frames, mask)
        return self.norm(frames), mask


def _activated(image: Tensor, norm: nn.Module, mask: Tensor) -> Tensor:
    """Normalizes an image (B, channels, T, bands) over its channels, applies GELU, and silences padded frames."""
    image = nn.functional.gelu(norm(image.permute(0, 2, 3, 1)))
    return (image * mask[:, :, None, None]).permute(0, 3, 1, 2)
