"""A transformer over patches of the spectrogram that takes clips of any length and can drop patches in training."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, audio_config
from compa.models.encoders.audio import AudioEncoder
from compa.models.layers.transformer import Block

Size = Literal["tiny", "small", "base"]
SIZES: dict[str, tuple[int, int, int]] = {"tiny": (192, 12, 3), "small": (384, 12, 6), "base": (768, 12, 12)}
"""Width, blocks and heads of vision transformers of these names; about 5, 21 and 85 million weights."""


class SpectrogramTransformer(AudioEncoder):
    """Square patches of the log-mel image become tokens; frames are the means of the tokens of one time.

    Positions in time are rotary, so no length is special, and which bands a patch covers is a learnt vector. All
    patches of a clip attend to each other, and to no others.

    In training, patches may be dropped (Patchout, Koutini et al. 2022). Here every time step keeps the same number of
    its bands, drawn at random: no stretch of time is lost, and the pooling of time segments sees all of them.

    Args:
        config: The log-mel features it reads, or a name of `compa.audio.features.PRESETS`.
        size: `tiny`, `small` or `base`.
        patch_frames: Frames of a patch.
        patch_bands: Mel bands of a patch; must divide those of the features.
        keep: Share of the patches that training keeps, rounded up to whole bands; 1 drops none.
        dropout: Dropout of the blocks.

    Raises:
        ValueError: If the size is unknown, or `keep` or the patches fit nothing.
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
            raise ValueError(f"size {size!r} is none of {', '.join(SIZES)}")
        if not 0 < keep <= 1:
            raise ValueError(f"keep {keep} is no share above 0 and up to 1")
        self.config = audio_config(config)
        if self.config.num_mels % patch_bands:
            raise ValueError(f"patches of {patch_bands} bands do not divide {self.config.num_mels} mel bands")
        self.width, num_blocks, num_heads = SIZES[size]
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

    def forward(self, features: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Encodes features (B, T, mels) with mask (B, T) into frames (B, T', width) with mask (B, T')."""
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
        for block in self.blocks:
            tokens = block(tokens, token_mask, times)
        frames = self.norm(tokens).view(num_clips, num_steps, num_kept, self.width).mean(2)
        return frames, mask

    def _drop(self, tokens: Tensor) -> Tensor:
        """Keeps some bands of every time step, drawn anew for each."""
        kept = torch.rand(tokens.shape[:3], device=tokens.device).argsort(dim=2)[..., : self.num_kept]
        return tokens.gather(2, kept[..., None].expand(-1, -1, -1, self.width))
