"""The interface of audio encoders, and a small one that is trained from scratch."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, LogMel, audio_config, int16_round_trip
from compa.models.frames import Frames
from compa.models.layers.transformer import Block

Pad = Literal["mask", "repeatpad", "repeat", "zeros"]
"""How clips shorter than a window are handled: `mask` leaves padding out of everything. The others fill the window as
CLAP checkpoints do: the clip as often as it fits and then silence, the clip again and again, or silence alone."""


class AudioEncoder(nn.Module):
    """Features in, frames out; padding and the other clips of a batch have no influence.

    A subclass sets the attributes below in its constructor and implements `forward`.

    Attributes:
        config: The features it reads.
        width: Size of a frame's vector.
        num_layers: How many layers `forward` returns when it is asked for all of them.
        frame_seconds: From the start of one frame to the start of the next.
        init_args: The arguments that build it again.
        window_seconds: Longer clips are embedded window by window, where a trained model is used.
        pad: How clips shorter than a window are handled.
        trims_silence: Whether CLAP cuts off silence at both ends of a clip before the encoder.
    """

    config: AudioConfig
    width: int
    num_layers: int
    frame_seconds: float
    init_args: dict[str, Any]
    window_seconds: float = 10.0
    pad: Pad = "mask"
    trims_silence: bool = False

    def front_end(self) -> nn.Module:
        """The module that computes features (B, T, mels) and their mask (B, T) of waveforms and lengths (B,)."""
        return LogMel(self.config)

    @property
    def log_mel_config(self) -> AudioConfig | None:
        """The configuration of the features, if they are plain log-mel features, which can be computed in advance."""
        return self.config if type(self.front_end()) is LogMel else None

    def prepare(self, waveforms: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Prepares waveforms (B, samples) of lengths (B,) for the front end: rounded and filled up, if configured."""
        return int16_round_trip(waveforms) if self.config.int16 else waveforms, lengths

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes clips.

        Args:
            features: (B, T, mels).
            mask: (B, T), True on real frames, which come first.
            all_layers: Whether all layers are returned, or only the last one.
        """
        raise NotImplementedError(f"{type(self).__name__} must implement forward")


class ConvTransformer(AudioEncoder):
    """Patches of the log-mel image, a convolution over them, then transformer blocks over the remaining frames.

    Every normalization is over the channels of one position, and every layer's output is masked, so neither padding
    nor the other clips of a batch change a frame.

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
        self.num_layers = num_layers + 1
        self.frame_seconds = 2 * patch_frames * self.config.hop_size / self.config.sample_rate
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

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); the first layer is what enters the blocks."""
        missing = -features.shape[1] % self.patch_frames
        features = nn.functional.pad(features, (0, 0, 0, missing))
        mask = nn.functional.pad(mask, (0, missing))[:, :: self.patch_frames]
        image = features[:, None].contiguous(memory_format=torch.channels_last)
        image = _activated(self.patches(image), self.patch_norm, mask)
        mask = mask[:, ::2]
        image = _activated(self.convolution(image), self.convolution_norm, mask)
        frames = self.dropout(self.project(image.permute(0, 2, 3, 1).flatten(2)))
        earlier = []
        for block in self.blocks:
            if all_layers:
                earlier.append(frames)
            frames = block(frames, mask)
        return Frames((*earlier, self.norm(frames)), mask, self.frame_seconds)


def _activated(image: Tensor, norm: nn.Module, mask: Tensor) -> Tensor:
    """Normalizes an image (B, channels, T, bands) over its channels, applies GELU, and zeroes padded frames."""
    image = nn.functional.gelu(norm(image.permute(0, 2, 3, 1)))
    return (image * mask[:, :, None, None]).permute(0, 3, 1, 2)
