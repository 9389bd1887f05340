"""A small audio encoder trained from scratch: convolutions find sounds, a transformer relates them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig
from compa.models.transformer import Block, sinusoids


class AudioEncoder(nn.Module):
    """What CLAP needs of an audio encoder: features in, frames out, padding without influence.

    Attributes:
        config: The features it reads.
        width: Size of a frame's vector.
        init_args: The arguments that build it again.
    """

    config: AudioConfig
    width: int
    init_args: dict[str, Any]

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        raise TypeError(f"{type(self).__name__} is no audio encoder of its own")


class ConvTransformer(AudioEncoder):
    """Strided 3 x 3 convolutions over the log-mel image, then transformer blocks over the frames that are left.

    Every normalisation is over the channels of one place, and every layer's output is masked, so neither padding nor
    the other clips of a batch change a frame.

    Args:
        config: The log-mel features it reads.
        channels: Channels after each convolution; each halves time and frequency.
        width: Size of a frame's vector.
        num_layers: Transformer blocks.
        num_heads: Attention heads of a block.
        dropout: Dropout of the blocks, and on the frames that enter them.
    """

    def __init__(
        self,
        config: AudioConfig | None = None,
        channels: Sequence[int] = (24, 48, 96),
        width: int = 160,
        num_layers: int = 2,
        num_heads: int = 4,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.config = config or AudioConfig()
        self.width = width
        self.init_args = {
            "channels": list(channels),
            "width": width,
            "num_layers": num_layers,
            "num_heads": num_heads,
            "dropout": dropout,
        }
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, kernel_size=3, stride=2, padding=1)
            for before, after in zip([1, *channels], channels, strict=False)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(num_channels) for num_channels in channels)
        num_bands = self.config.num_mels
        for _ in channels:
            num_bands = (num_bands + 1) // 2
        self.project = nn.Linear(channels[-1] * num_bands, width)
        self.blocks = nn.ModuleList(Block(width, num_heads, dropout) for _ in range(num_layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
        image = features[:, None].contiguous(memory_format=torch.channels_last)
        for convolution, norm in zip(self.convolutions, self.norms, strict=True):
            mask = mask[:, ::2]
            image = norm(convolution(image).permute(0, 2, 3, 1))
            image = (nn.functional.gelu(image) * mask[:, :, None, None]).permute(0, 3, 1, 2)
        frames = self.project(image.permute(0, 2, 3, 1).flatten(2))
        frames = self.dropout(frames + sinusoids(frames.shape[1], self.width, like=frames))
        for block in self.blocks:
            frames = block(frames, mask)
        return self.norm(frames), mask
