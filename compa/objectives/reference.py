"""The three losses in plain PyTorch, over one matrix of all clips and all texts: the code to read first.

The objectives give the same values and gradients (the tests compare both), in one process and over many ranks, without
ever holding this matrix. `B` clips, `B + M` texts: the captions, then the extras; a `(B, B + M)` mask selects pairs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings

Losses = tuple[Tensor, Tensor]
"""The loss of every clip, audio→text and text→audio: `(B,)` each."""


def info_nce(embeddings: Embeddings) -> Losses:
    """`InfoNCE`: clip i among all captions, caption i among all clips."""
    p = _compare(embeddings)
    return _audio_to_text(p, columns=p.is_caption, targets=p.is_caption), _text_to_audio(p, queries=p.is_caption)


def hard_negative_nce(embeddings: Embeddings) -> Losses:
    """`HardNegativeNCE`: clip i among all captions and its own hard negatives."""
    p = _compare(embeddings)
    columns = p.is_caption | (p.is_own & ~p.is_true)
    return _audio_to_text(p, columns, targets=p.is_caption), _text_to_audio(p, queries=p.is_caption)


def modular_nce(embeddings: Embeddings, positives: Literal["mean", "sum", "queries"] = "mean") -> Losses:
    """`ModularNCE`: clip i among all captions and its own extras, all true texts of i among all clips."""
    p = _compare(embeddings)
    if positives == "queries":
        audio_to_text = hard_negative_nce(embeddings)[0]
    else:
        audio_to_text = _audio_to_text(p, p.is_caption | p.is_own, targets=p.is_true, add_up=positives == "sum")
    return audio_to_text, _text_to_audio(p, queries=p.is_true)


@dataclass(frozen=True)
class _Pairs:
    logits: Tensor  # (B, B + M) scale * cosine
    is_own: Tensor  # (B, B + M) the text belongs to the clip
    is_hidden: Tensor  # (B, B + M) the text is known to be true of the clip, but belongs to another
    is_caption: Tensor  # (B + M,)
    is_true: Tensor  # (B + M,) of its own clip: captions and positives


def _compare(e: Embeddings) -> _Pairs:
    clips = torch.arange(len(e.audio), device=e.audio.device)
    is_own = torch.cat([clips, e.owner]) == clips[:, None]
    return _Pairs(
        logits=e.scale * e.audio @ torch.cat([e.captions, e.extras]).T,
        is_own=is_own,
        is_hidden=torch.zeros_like(is_own) if e.known_true is None else e.known_true.T & ~is_own,
        is_caption=torch.cat([torch.ones_like(clips), torch.zeros_like(e.owner)]).bool(),
        is_true=torch.cat([torch.ones_like(clips).bool(), e.is_positive]),
    )


def _audio_to_text(p: _Pairs, columns: Tensor, targets: Tensor, *, add_up: bool = False) -> Tensor:
    """-log of the probability, among the columns, of each clip's own targets: their mean, or of their sum."""
    log_p = p.logits - (p.logits + _mask(columns & ~p.is_hidden)).logsumexp(1, keepdim=True)
    if add_up:
        return -(log_p + _mask(targets & p.is_own)).logsumexp(1)
    return _mean_of_own(p, -log_p, targets)


def _text_to_audio(p: _Pairs, queries: Tensor) -> Tensor:
    """-log of the probability, among all clips, of the clip that a query belongs to: the mean over its queries."""
    return _mean_of_own(p, (p.logits + _mask(~p.is_hidden)).logsumexp(0) - p.logits, queries)


def _mean_of_own(p: _Pairs, losses: Tensor, texts: Tensor) -> Tensor:
    counts = texts & p.is_own
    return torch.where(counts, losses, 0).sum(1) / counts.sum(1)


def _mask(keeps: Tensor) -> Tensor:
    """An additive mask: 0 for what is kept, -inf for the rest."""
    return torch.zeros(keeps.shape, device=keeps.device).masked_fill(~keeps, -torch.inf)
