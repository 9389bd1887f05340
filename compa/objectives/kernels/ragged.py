"""What belongs to each clip alone, ragged: logits of its own texts, their gradients, sums and means."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.objectives.kernels.tiles import slices

PIECE = 256
"""Rows at a time, so that nothing as large as the extras is made beside them."""


def logits(audio: Tensor, texts: Tensor, owner: Tensor | None, scale: Tensor) -> Tensor:
    """Gives `scale * <audio[owner[t]], texts[t]>` for every text.

    Args:
        audio: `(B, D)`.
        texts: `(T, D)`.
        owner: `(T,)` int64, or None where text t belongs to clip t.
        scale: `()`, of the type the result is to have.
    """
    cosines, room = scale.new_empty(len(texts)), _room(texts, scale.dtype)
    for piece in slices(len(texts), PIECE):
        torch.sum(_clips_of(audio, owner, piece, room).mul_(texts[piece]), 1, out=cosines[piece])
    return cosines.mul_(scale)


def add_gradients(
    audio: Tensor,
    texts: Tensor,
    owner: Tensor,
    weights: Tensor,
    of_audio: Tensor | None,
    of_texts: Tensor | None,
) -> None:
    """Goes back through `logits`, adding gradients where they are asked for.

    Args:
        audio: `(B, D)`.
        texts: `(T, D)`.
        owner: `(T,)`, as above.
        weights: `(T,)`, the gradients of the logits, times the scale.
        of_audio: `(B, D)`, of the weights' type.
        of_texts: `(T, D)`, likewise.
    """
    room = _room(texts, weights.dtype)
    for piece in slices(len(texts), PIECE):
        factors = weights[piece, None]
        if of_texts is not None:
            of_texts[piece].addcmul_(_clips_of(audio, owner, piece, room), factors)
        if of_audio is not None:
            parts = torch.mul(texts[piece], factors, out=room[: len(factors)])
            of_audio.index_add_(0, owner[piece], parts)


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Sums the products of two matrices, in the type of the right one."""
    total = right.new_zeros(())
    for piece in slices(len(left), PIECE):
        total += torch.dot(left[piece].to(right.dtype).flatten(), right[piece].flatten())
    return total


def log_add(first: Tensor, further: Tensor, owner: Tensor) -> Tensor:
    """Adds each clip's further terms to its first: `log(exp(first[i]) + sum of exp(further[m]))`, m of i.

    Args:
        first: `(B,)`, finite.
        further: `(M,)`; -inf adds nothing and has no gradient.
        owner: `(M,)` int64.

    Returns:
        `(B,)`; equal to `first` to the last bit where a clip owns nothing.
    """
    top = first.detach().scatter_reduce(0, owner, further.detach(), "amax", include_self=True)
    mass = (first - top).exp().index_add(0, owner, (further - top[owner]).exp())
    return top + mass.log()


def mean(first: Tensor, further: Tensor, owner: Tensor, counts: Tensor) -> Tensor:
    """Averages each clip's first value `(B,)` and its further ones `(M,)` where `counts` `(M,)` is true."""
    total = first.index_add(0, owner, torch.where(counts, further, 0))
    return total / torch.ones_like(first).index_add(0, owner, counts.to(first.dtype))


def _room(texts: Tensor, dtype: torch.dtype) -> Tensor:
    return texts.new_empty(min(PIECE, len(texts)), texts.shape[1], dtype=dtype)


def _clips_of(audio: Tensor, owner: Tensor | None, piece: slice, room: Tensor) -> Tensor:
    """Copies the clips that a piece of the texts belongs to."""
    rows = room[: piece.stop - piece.start]
    if owner is None:
        return rows.copy_(audio[piece])
    if audio.dtype == rows.dtype:
        return torch.index_select(audio, 0, owner[piece], out=rows)
    return rows.copy_(audio.index_select(0, owner[piece]))
