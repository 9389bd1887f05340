"""Baselines for the objectives: other implementations of the same losses, and of what was released as such."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, log_softmax

from compa.objectives import Embeddings


def three_products(embeddings: Embeddings) -> Callable[[], None]:
    """The least that the gradient of a B x B contrastive loss needs: three matrix products of B x B x D."""
    audio, captions = embeddings.audio.detach(), embeddings.captions.detach()
    logits, grad = audio.new_empty(len(audio), len(audio)), torch.empty_like(audio)

    def multiply() -> None:
        torch.mm(audio, captions.T, out=logits)
        torch.mm(logits, captions, out=grad)
        torch.mm(logits.T, audio, out=grad)

    return multiply


def open_clip_loss(**options: Any) -> Any:
    """Makes open_clip's `ClipLoss`; None where the package is not installed.

    Only its file with the losses is loaded, so that the package's dependencies are not needed.
    """
    module = _open_clip_module()
    return None if module is None else module.ClipLoss(**options)


@cache
def _open_clip_module() -> Any:
    spec = importlib.util.find_spec("open_clip")
    if spec is None or not spec.submodule_search_locations:
        return None
    path = Path(spec.submodule_search_locations[0]) / "loss.py"
    file = importlib.util.spec_from_file_location("open_clip_loss", path)
    if file is None or file.loader is None:
        return None
    module = importlib.util.module_from_spec(file)
    file.loader.exec_module(module)
    return module


def dense_infonce(embeddings: Embeddings) -> Tensor:
    """InfoNCE by autograd over a B x B matrix."""
    logits = embeddings.scale * embeddings.audio @ embeddings.captions.T
    labels = torch.arange(len(logits), device=logits.device)
    return (cross_entropy(logits.float(), labels) + cross_entropy(logits.T.float(), labels)) / 2


def full_matrix(embeddings: Embeddings) -> Tensor:
    """HardNegativeNCE by autograd over a B x (B + M) matrix, other clips' negatives masked by adding -inf."""
    e, num_clips = embeddings, len(embeddings.audio)
    labels = torch.arange(num_clips, device=e.audio.device)
    logits = e.scale * e.audio @ torch.cat([e.captions, e.extras]).T
    hidden = logits.new_zeros(num_clips, len(e.extras))
    hidden.masked_fill_((e.owner != labels[:, None]) | e.is_positive, -torch.inf)
    of_clips = torch.cat([logits[:, :num_clips], logits[:, num_clips:] + hidden], 1)
    return (cross_entropy(of_clips.float(), labels) + cross_entropy(logits[:, :num_clips].T.float(), labels)) / 2


def released_style_stage_2(embeddings: Embeddings) -> Tensor:
    """Contrast with hard negatives as in the released code: all texts by all clips, with a multiplied mask.

    Texts are ordered by clip, a caption and then its K negatives. The mask is filled row by row in Python and
    multiplies the logits of other clips' negatives by -100000, which turns a negative cosine into a huge logit.
    The value is wrong; only the cost is compared.
    """
    texts, num_extras = _interleaved(embeddings)
    logits = embeddings.scale * texts @ embeddings.audio.T
    mask = torch.full(logits.shape, -100000.0)
    for row in range(len(texts)):
        if row % (1 + num_extras) == 0:
            mask[row, :] = 1
        else:
            mask[row, row // (1 + num_extras)] = 1
    of_clips = logits.T * mask.T.to(logits.device)
    of_captions = logits[list(range(0, len(texts), 1 + num_extras))]
    columns = torch.arange(0, len(texts), 1 + num_extras, device=logits.device)
    rows = torch.arange(len(of_captions), device=logits.device)
    return (cross_entropy(of_clips, columns) + cross_entropy(of_captions, rows)) / 2


def released_style_stage_3(embeddings: Embeddings) -> Tensor:
    """Modular contrast as in the released code: the same matrix and mask, and a Python loop over the clips.

    The clip of each row of the mask is searched in a list, since clips may own different numbers of texts; the
    positives' log-probabilities are averaged clip by clip. Positives come before negatives.
    """
    e, (texts, num_extras) = embeddings, _interleaved(embeddings)
    num_positives = int(e.is_positive.sum()) // len(e.audio)
    logits = e.scale * texts @ e.audio.T
    spans = [(start, start + num_extras) for start in range(0, len(texts), 1 + num_extras)]
    mask = torch.full(logits.shape, -100000.0)
    for row in range(len(texts)):
        clip, start = next((clip, first) for clip, (first, last) in enumerate(spans) if first <= row <= last)
        if row == start:
            mask[row, :] = 1
        else:
            mask[row, clip] = 1
    log_probabilities = log_softmax(logits.T * mask.T.to(logits.device), dim=1)
    losses = torch.empty(len(spans), dtype=logits.dtype, device=logits.device)
    for clip, (start, _) in enumerate(spans):
        true = torch.arange(start, start + num_positives + 1, device=logits.device)
        losses[clip] = -log_probabilities[clip, true].mean()
    queries = [row for start, _ in spans for row in range(start, start + num_positives + 1)]
    labels = torch.arange(len(spans), device=logits.device).repeat_interleave(num_positives + 1)
    return (losses.mean() + cross_entropy(logits[queries], labels)) / 2


def _interleaved(embeddings: Embeddings) -> tuple[Tensor, int]:
    """Each clip's caption followed by its K extras, `(B * (1 + K), D)`, and K."""
    e, (num_clips, width) = embeddings, embeddings.audio.shape
    extras = e.extras.view(num_clips, -1, width)
    return torch.cat([e.captions[:, None], extras], 1).view(-1, width), extras.shape[1]
