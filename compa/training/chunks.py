"""Large batches with the memory of small ones: embedded chunk by chunk, contrasted as a whole.

The objective sees the embeddings of the whole batch, but the encoders' activations are not kept; the backward pass
embeds each chunk once more, with the same randomness, to propagate the gradient of its embeddings. This is GradCache
(Gao et al. 2021), implemented by `torch.utils.checkpoint` over chunks. There is one backward pass, so hooks on
gradients (DDP's averaging, clipping, scaling) run once for each weight, as without chunks.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def embed_in_chunks(embed: Callable[..., Tensor], encoder: nn.Module, num_chunks: int, *rows: Any) -> Tensor:
    """Embeds rows chunk by chunk.

    Args:
        embed: From the arguments `rows` to embeddings (N, D).
        encoder: Does most of the work; if none of it is trained, nothing is embedded twice.
        num_chunks: Number of chunks; 1 is `embed(*rows)`.
        rows: Tensors or sequences of equal length N.

    Returns:
        (N, D), in the order of the rows.
    """
    if num_chunks == 1:
        return embed(*rows)
    size = -(-len(rows[0]) // num_chunks)
    chunks = [[part[start : start + size] for part in rows] for start in range(0, len(rows[0]), size)]
    if not any(weight.requires_grad for weight in encoder.parameters()):
        return torch.cat([embed(*chunk) for chunk in chunks])
    return torch.cat([checkpoint(embed, *chunk, use_reentrant=False) for chunk in chunks])


def embed_texts_in_chunks(
    embed: Callable[[Sequence[str]], Tensor], encoder: nn.Module, num_chunks: int, texts: Sequence[str]
) -> Tensor:
    """Embeds texts chunk by chunk; the texts of a chunk have similar lengths, so that there is little padding."""
    if num_chunks == 1:
        return embed(texts)
    order = sorted(range(len(texts)), key=lambda row: (len(texts[row]), texts[row]))
    embedded = embed_in_chunks(embed, encoder, num_chunks, [texts[row] for row in order])
    return embedded[torch.tensor(order, device=embedded.device).argsort()]
