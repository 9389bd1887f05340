"""A pre-norm transformer block with rotary positions and a padding mask, used by both towers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class Block(nn.Module):
    """Self-attention and a feed-forward layer, each behind a layer norm and added to its input.

    Positions are rotary (Su et al. 2021): attention depends on the distance of tokens, not on their places. So a text
    tower can read pairs of labels in places where it has never seen them.

    Args:
        width: Size of a token's vector.
        num_heads: Attention heads; must divide `width`.
        dropout: Fraction of each branch's output that is dropped in training.
    """

    def __init__(self, width: int, num_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % (2 * num_heads):
            raise ValueError(f"width must be a multiple of {2 * num_heads} with {num_heads} heads; got {width}")
        self.num_heads = num_heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.attention_out = nn.Linear(width, width)
        self.feed_forward = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, mask: Tensor, positions: Tensor | None = None) -> Tensor:
        """Mixes tokens (B, T, width).

        Args:
            tokens: (B, T, width).
            mask: (B, T), False on tokens that are never attended to.
            positions: (T,) positions of tokens; by default 0, 1, 2, ...
        """
        num_clips, num_tokens, width = tokens.shape
        split = self.query_key_value(self.attention_norm(tokens)).view(num_clips, num_tokens, 3, self.num_heads, -1)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        mixed = nn.functional.scaled_dot_product_attention(
            *_rotated(query, key, positions), value, attn_mask=mask[:, None, None, :]
        )
        mixed = mixed.transpose(1, 2).reshape(num_clips, num_tokens, width)
        tokens = tokens + self.dropout(self.attention_out(mixed))
        mixed = self.dropout(self.feed_forward(tokens))
        return torch.add(tokens, mixed)


def _rotated(query: Tensor, key: Tensor, positions: Tensor | None) -> tuple[Tensor, Tensor]:
    """Turns the halves of each head's vector (..., T, size) against each other by an angle that grows with position."""
    num_tokens, half = query.shape[-2], query.shape[-1] // 2
    rates = torch.exp(-math.log(10_000.0) / half * torch.arange(half, device=query.device))
    if positions is None:
        positions = torch.arange(num_tokens, device=query.device)
    angles = positions[:, None] * rates
    cosine, sine = angles.cos().to(query.dtype), angles.sin().to(query.dtype)

    def rotate(vectors: Tensor) -> Tensor:
        first, second = vectors.chunk(2, dim=-1)
        return torch.cat([first * cosine - second * sine, first * sine + second * cosine], dim=-1)

    return rotate(query), rotate(key)
