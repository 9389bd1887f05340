"""Ragged per-clip operations: logits of each clip with its own texts, their gradients, segment log-sum-exp and mean."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.objectives.kernels.tiles import slices

PIECE = 256
"""Rows at a time, so that no copy as large as the extras is made."""


def logits(audio: Tensor, texts: Tensor, owner: Tensor | None, scale: Tensor) -> Tensor:
    """Computes `scale * <audio[owner[t]], texts[t]>` for every text t.

    Args:
        audio: `(B, D)`.
        texts: `(T, D)`.
        owner: `(T,)` int64, or None if text t belongs to clip t.
        scale: `()`, of the type that the result is to have.

    Returns:
        `(T,)`.
    """
    cosines, buffer = scale.new_empty(len(texts)), _new_buffer(texts, scale.dtype)
    for piece in slices(len(texts), PIECE):
        torch.sum(_clips_of(audio, owner, piece, buffer).mul_(texts[piece]), 1, out=cosines[piece])
    return cosines.mul_(scale)


def add_gradients(
    audio: Tensor,
    texts: Tensor,
    owner: Tensor,
    weights: Tensor,
    audio_grad: Tensor | None,
    texts_grad: Tensor | None,
) -> None:
    """The backward pass of `logits`: adds gradients to those that are not None.

    Args:
        audio: `(B, D)`.
        texts: `(T, D)`.
        owner: `(T,)` int64.
        weights: `(T,)`, the gradients of the logits, times the scale.
        audio_grad: `(B, D)`, of the weights' type.
        texts_grad: `(T, D)`, likewise.
    """
    buffer = _new_buffer(texts, weights.dtype)
    for piece in slices(len(texts), PIECE):
        factors = weights[piece, None]
        if texts_grad is not None:
            texts_grad[piece].addcmul_(_clips_of(audio, owner, piece, buffer), factors)
        if audio_grad is not None:
            products = torch.mul(texts[piece], factors, out=buffer[: len(factors)])
            audio_grad.index_add_(0, owner[piece], products)


def dot(left: Tensor, right: Tensor) -> Tensor:
    """Sums the elementwise products of two matrices, in the type of the right one."""
    total = right.new_zeros(())
    for piece in slices(len(left), PIECE):
        total += torch.dot(left[piece].to(right.dtype).flatten(), right[piece].flatten())
    return total


def logsumexp(first: Tensor, others: Tensor, owner: Tensor) -> Tensor:
    """Segment log-sum-exp: `log(exp(first[i]) + sum of exp(others[m]) over all m that clip i owns)`.

    Args:
        first: `(B,)`, finite.
        others: `(M,)`; -inf adds nothing and has no gradient.
        owner: `(M,)` int64.

    Returns:
        `(B,)`; equal to `first` to the last bit where a clip owns nothing.
    """
    largest = first.detach().scatter_reduce(0, owner, others.detach(), "amax", include_self=True)
    total = (first - largest).exp().index_add(0, owner, (others - largest[owner]).exp())
    return largest + total.log()


def mean(first: Tensor, others: Tensor, owner: Tensor, counts: Tensor) -> Tensor:
    """Averages each clip's first value `(B,)` and those of its others `(M,)` for which `counts` `(M,)` is true."""
    total = first.index_add(0, owner, torch.where(counts, others, 0))
    return total / torch.ones_like(first).index_add(0, owner, counts.to(first.dtype))


def _new_buffer(texts: Tensor, dtype: torch.dtype) -> Tensor:
    return texts.new_empty(min(PIECE, len(texts)), texts.shape[1], dtype=dtype)


def _clips_of(audio: Tensor, owner: Tensor | None, piece: slice, buffer: Tensor) -> Tensor:
    """Copies the clips that a piece of the texts belongs to into the buffer."""
    rows = buffer[: piece.stop - piece.start]
    if owner is None:
        return rows.copy_(audio[piece])
    if audio.dtype == rows.dtype:
        return torch.index_select(audio, 0, owner[piece], out=rows)
    return rows.copy_(audio.index_select(0, owner[piece]))
