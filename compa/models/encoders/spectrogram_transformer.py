"""A transformer over patches of the spectrogram, for clips of any length; training may drop patches."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, audio_config
from compa.models.encoders.audio import AudioEncoder
from compa.models.frames import Frames
from compa.models.layers.transformer import Block

Size = Literal["tiny", "small", "base"]
SIZES: dict[str, tuple[int, int, int]] = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}
"""Width, blocks and heads, as vision transformers of these names have them; about 5, 21 and 85 million weights."""


class SpectrogramTransformer(AudioEncoder):
    """Square patches of the log-mel image become tokens; a frame is the mean of the tokens of one time step.

    Positions in time are rotary, so clips may have any length; the bands of a patch are encoded by a learned vector.
    All patches of a clip attend to each other.

    Training may drop patches (Patchout, Koutini et al. 2022). Here every time step keeps the same number of its bands,
    drawn at random, so that the pooling of time segments sees all of the time.

    Args:
        config: The log-mel features it reads, or a name of `compa.audio.features.PRESETS`.
        size: `tiny`, `small` or `base`.
        patch_frames: Frames of a patch.
        patch_bands: Mel bands of a patch; must divide those of the features.
        keep: Fraction of the patches that training keeps, rounded up to whole bands; 1 drops none.
        dropout: Dropout of the blocks.

    Raises:
        ValueError: If the size is unknown, or `keep` or the patches are impossible.
    """

    trims_silence = True

    def __init__(
        self,
        config: AudioConfig | str | None = None,
        size: Size = "small",
        patch_frames: int = 16,
        patch_bands: int = 16,
        keep: float = 1.0,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if size not in SIZES:
            raise ValueError(f"size must be one of {', '.join(SIZES)}; got {size!r}")
        if not 0 < keep <= 1:
            raise ValueError(f"keep must be above 0 and at most 1; got {keep}")
        self.config = audio_config(config)
        if self.config.num_mels % patch_bands:
            raise ValueError(f"patch_bands must divide the {self.config.num_mels} mel bands; got {patch_bands}")
        self.width, num_blocks, num_heads = SIZES[size]
        self.num_layers = num_blocks + 1
        self.frame_seconds = patch_frames * self.config.hop_size / self.config.sample_rate
        self.num_bands = self.config.num_mels // patch_bands
        self.num_kept = min(self.num_bands, -int(-keep * self.num_bands // 1))
        self.patch_frames = patch_frames
        self.init_args = {
            "size": size,
            "patch_frames": patch_frames,
            "patch_bands": patch_bands,
            "keep": keep,
            "dropout": dropout,
        }
        self.patches = nn.Conv2d(1, self.width, (patch_frames, patch_bands), stride=(patch_frames, patch_bands))
        self.bands = nn.Parameter(0.02 * torch.randn(self.num_bands, self.width))
        self.blocks = nn.ModuleList(Block(self.width, num_heads, dropout) for _ in range(num_blocks))
        self.norm = nn.LayerNorm(self.width)

    def forward(self, features: Tensor, mask: Tensor, all_layers: bool = False) -> Frames:
        """Encodes features (B, T, mels) with mask (B, T); the first layer is what enters the blocks."""
        missing = -features.shape[1] % self.patch_frames
        features = nn.functional.pad(features, (0, 0, 0, missing))
        mask = nn.functional.pad(mask, (0, missing))[:, :: self.patch_frames]
        tokens = self.patches(features[:, None]).permute(0, 2, 3, 1) + self.bands  # (B, T', bands, width)
        if self.training and self.num_kept < self.num_bands:
            tokens = self._drop(tokens)
        num_clips, num_steps, num_kept, _ = tokens.shape
        times = torch.arange(num_steps, device=tokens.device).repeat_interleave(num_kept)
        token_mask = mask.repeat_interleave(num_kept, dim=1)
        tokens = tokens.flatten(1, 2)
        earlier = []
        for block in self.blocks:
            if all_layers:
                earlier.append(tokens)
            tokens = block(tokens, token_mask, times)
        shape = (num_clips, num_steps, num_kept, self.width)
        layers = tuple(layer.view(shape).mean(2) for layer in (*earlier, self.norm(tokens)))
        return Frames(layers, mask, self.frame_seconds)

    def _drop(self, tokens: Tensor) -> Tensor:
        """Keeps some bands of every time step, drawn anew for each."""
        kept = torch.rand(tokens.shape[:3], device=tokens.device).argsort(dim=2)[..., : self.num_kept]
        return tokens.gather(2, kept[..., None].expand(-1, -1, -1, self.width))
