"""The similarities every objective is made of."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings, Loss


@dataclass(frozen=True)
class Contrast:
    """Logits of own pairs and log-sum-exps over the batch (natural logarithms).

    Attributes:
        rows: `(B,)`, over all captions, for every clip.
        columns: `(B,)`, over all clips, for every caption.
        positive_columns: `(P,)`, over all clips, for every positive extra (empty unless asked for).
        own: `(B,)`, logit of clip i and caption i.
        extras: `(M,)`, logit of an extra and its clip.
    """

    rows: Tensor
    columns: Tensor
    positive_columns: Tensor
    own: Tensor
    extras: Tensor


def contrast(embeddings: Embeddings, *, query_positives: bool = False) -> Contrast:
    """Compares a batch with itself; pairs in `known_true` are left out, a text's own clip is kept."""
    audio, scale, num_clips = embeddings.audio.float(), embeddings.scale.float(), len(embeddings.audio)
    if embeddings.audio.dtype == torch.float64:
        audio, scale = embeddings.audio, embeddings.scale.double()
    texts = torch.cat([embeddings.captions, embeddings.extras]).to(audio.dtype)
    own_clip = torch.cat([torch.arange(num_clips, device=audio.device), embeddings.owner])
    queries = torch.arange(num_clips, device=audio.device)
    if query_positives:
        queries = torch.cat([queries, num_clips + embeddings.is_positive.nonzero()[:, 0]])
    with torch.autocast(audio.device.type, enabled=False):
        logits = scale * texts[queries] @ audio.T
        own = scale * (texts * audio[own_clip]).sum(1)
    if embeddings.known_true is not None:
        other = torch.arange(num_clips, device=audio.device) != own_clip[queries, None]
        logits = logits.masked_fill(embeddings.known_true[queries] & other, -torch.inf)
    columns = logits.logsumexp(1)
    return Contrast(
        rows=logits[:num_clips].logsumexp(0),
        columns=columns[:num_clips],
        positive_columns=columns[num_clips:],
        own=own[:num_clips],
        extras=own[num_clips:],
    )


def add_own(rows: Tensor, logits: Tensor, owner: Tensor) -> Tensor:
    """Adds each clip's own further logits `(M,)` to its log-sum-exp `(B,)`; a logit of -inf adds nothing."""
    top = rows.detach().scatter_reduce(0, owner, logits.detach(), "amax", include_self=True)
    mass = (rows - top).exp().index_add(0, owner, (logits - top[owner]).exp())
    return top + mass.log()


def mean_own(first: Tensor, further: Tensor, owner: Tensor, counts: Tensor) -> Tensor:
    """Averages, clip by clip, one value `(B,)` and the further ones `(M,)` that `counts` `(M,)` says count."""
    total = first.index_add(0, owner, torch.where(counts, further, 0))
    return total / torch.ones_like(first).index_add(0, owner, counts.to(first.dtype))


def loss_of(audio_to_text: Tensor, text_to_audio: Tensor) -> Loss:
    """Averages the two directions over the clips."""
    parts = {"audio_to_text": audio_to_text.mean(), "text_to_audio": text_to_audio.mean()}
    total = (parts["audio_to_text"] + parts["text_to_audio"]) / 2
    return Loss(total, {name: value.detach() for name, value in parts.items()})
