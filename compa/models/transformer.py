"""A plain pre-norm transformer block with a padding mask, shared by both towers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each behind a layer norm and added to its input.

    Args:
        width: Size of a token's vector.
        num_heads: Attention heads; must divide `width`.
        dropout: Share of each branch's output that is dropped in training.
    """

    def __init__(self, width: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % num_heads:
            raise ValueError(f"width {width} does not divide into {num_heads} heads")
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Mixes tokens (B, T, width); tokens where `mask` (B, T) is False are never attended to."""
        num_clips, num_tokens, width = tokens.shape
        split = self.query_key_value(self.attention_norm(tokens)).view(num_clips, num_tokens, 3, self.num_heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(query, key, value, attn_mask=mask[:, None, None, :])
        mixed = mixed.transpose(1, 2).reshape(num_clips, num_tokens, width)
        tokens = tokens + self.dropout(self.attention_out(mixed))
        return tokens + self.dropout(self.feed_forward(tokens))


def sinusoids(num_positions: int, width: int, like: Tensor) -> Tensor:
    """Fixed sine and cosine positions (num_positions, width), as in "Attention is all you need", section 3.5."""
    half = width // 2
    rates = torch.exp(-math.log(10_000.0) / half * torch.arange(half, device=like.device, dtype=torch.float32))
    angles = torch.arange(num_positions, device=like.device, dtype=torch.float32)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], dim=1).to(like.dtype)
