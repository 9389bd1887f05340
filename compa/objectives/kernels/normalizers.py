"""What all objectives are made of: normalizers over the batch of all ranks, and the logits of each clip's own texts.

It is a custom operator, `compa::normalizers`, with its own backward pass, so that `torch.compile` keeps it whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import distributed, ragged, tiles
from compa.objectives.kernels.tiles import LOG2_E, Pairs, accumulator_type, sizes_of


@dataclass(frozen=True)
class LossTerms:
    """The terms of every loss: natural logarithms, in float32 (float64 for float64 embeddings).

    A normalizer is the log of a softmax's denominator: the log-sum-exp of a clip's or a text's logits.

    Attributes:
        clip_normalizers: `(B,)`, of every clip over the captions of all ranks.
        caption_normalizers: `(B,)`, of every caption over the clips of all ranks.
        extra_normalizers: `(M,)`, likewise of the positive extras; 0 for the others, or if not asked for.
        caption_logits: `(B,)`, of clip i and caption i.
        extra_logits: `(M,)`, of an extra and its clip.
    """

    clip_normalizers: Tensor
    caption_normalizers: Tensor
    extra_normalizers: Tensor
    caption_logits: Tensor
    extra_logits: Tensor


def loss_terms(embeddings: Embeddings, counts: Sequence[int], *, query_positives: bool = False) -> LossTerms:
    """Compares every clip with every caption of all ranks, and with its own extras.

    Known true pairs are left out of the normalizers, except a text and its own clip. On W ranks the clips are gathered:
    a rank compares its `B` captions (and its `P` positive extras, if asked to) with the `G` clips of all ranks, and its
    `M` extras with their own clips. Nothing of size B x G is cached.

    Args:
        embeddings: The batch of this rank.
        counts: Clips of every rank; empty to stay within this one.
        query_positives: Whether positive extras are compared with all clips.
    """
    e, num_clips, first = embeddings, len(embeddings.audio), _first_clip(counts)
    inputs = (e.audio, e.captions, e.extras, e.scale)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    is_query = e.is_positive if query_positives else None
    of_clips, of_texts, logits, *_ = torch.ops.compa.normalizers(
        *inputs, e.owner, is_query, e.known_true, list(counts), keep
    )
    return LossTerms(
        clip_normalizers=of_clips[first : first + num_clips] / LOG2_E,
        caption_normalizers=of_texts[:num_clips] / LOG2_E,
        extra_normalizers=of_texts[num_clips:] / LOG2_E,
        caption_logits=logits[:num_clips],
        extra_logits=logits[num_clips:],
    )


def _first_clip(counts: Sequence[int]) -> int:
    return sum(counts[: dist.get_rank()]) if counts else 0


def _cache_size(num_clips: int, captions: Tensor, keep: bool) -> int:
    return min(num_clips * len(captions), sizes_of(captions.device).cached) if keep else 0


def _pairs(
    all_audio: Tensor,
    captions: Tensor,
    extras: Tensor,
    scale: Tensor,
    owner: Tensor,
    is_query: Tensor | None,
    known_true: Tensor | None,
    counts: Sequence[int],
    cached: Tensor,
) -> Pairs:
    # Only the device knows which extras are compared, so ModularNCE waits for it here.
    queries = owner[:0] if is_query is None else is_query.nonzero()[:, 0]
    first_clip = _first_clip(counts)
    own_clip = torch.cat([torch.arange(len(captions), device=owner.device), owner]) + first_clip
    weight = scale.to(accumulator_type(all_audio.dtype)) * LOG2_E
    return Pairs(all_audio, captions, extras, queries, own_clip, first_clip, weight, known_true, cached)


@torch.library.custom_op(
    "compa::normalizers",
    mutates_args=(),
    schema="(Tensor audio, Tensor captions, Tensor extras, Tensor scale, Tensor owner, Tensor? is_query, "
    "Tensor? known_true, SymInt[] counts, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _forward(
    audio: Tensor,
    captions: Tensor,
    extras: Tensor,
    scale: Tensor,
    owner: Tensor,
    is_query: Tensor | None,
    known_true: Tensor | None,
    counts: Sequence[int],
    keep: bool,
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Returns the log2 sums of clips `(G,)` and texts, own logits, and for the backward pass all ranks' audio, the
    cached exponentials, and whether float64 was needed (on the CPU, so that reading it does not wait for a GPU).
    """
    with torch.autocast(audio.device.type, enabled=False):
        all_audio = distributed.all_gather_rows(audio, counts) if counts else audio
        factor = scale.to(accumulator_type(audio.dtype))
        cached = factor.new_empty(_cache_size(len(all_audio), captions, keep))
        pairs = _pairs(all_audio, captions, extras, scale, owner, is_query, known_true, counts, cached)
        of_clips, of_texts, needs_float64 = tiles.log2_sums(pairs)
        if counts:
            of_clips = distributed.all_reduce_log2(of_clips)
        of_captions = ragged.logits(audio, captions, None, factor)
        of_extras = ragged.logits(audio, extras, owner, factor)
    gathered = all_audio if counts else audio.new_empty(0)
    return of_clips, of_texts, torch.cat([of_captions, of_extras]), gathered, cached, torch.tensor(needs_float64)


@_forward.register_fake
def _forward_shapes(audio: Tensor, captions: Tensor, extras: Tensor, *others: Any) -> tuple[Tensor, ...]:
    counts, keep = others[-2:]
    num_clips, num_texts = sum(counts) if counts else len(audio), len(captions) + len(extras)
    like = audio.new_empty(0, dtype=accumulator_type(audio.dtype))
    gathered = audio.new_empty((num_clips, audio.shape[1]) if counts else 0)
    lengths = (num_clips, num_texts, num_texts, _cache_size(num_clips, captions, keep))
    of_clips, of_texts, logits, cached = (like.new_empty(length) for length in lengths)
    return of_clips, of_texts, logits, gathered, cached, torch.empty((), dtype=torch.bool)


@torch.library.custom_op(
    "compa::normalizers_backward",
    mutates_args=(),
    schema="(Tensor[] grad_outputs, Tensor[] results, Tensor audio, Tensor captions, Tensor extras, Tensor scale, "
    "Tensor owner, Tensor? is_query, Tensor? known_true, SymInt[] counts, bool[] wanted) "
    "-> (Tensor, Tensor, Tensor, Tensor)",
)
def _gradients(
    grad_outputs: Sequence[Tensor],
    results: Sequence[Tensor],
    *inputs: Any,
) -> tuple[Tensor, ...]:
    """Returns the gradients of audio, captions, extras and scale; empty where they are not wanted."""
    audio, captions, extras, scale, owner, is_query, known_true, counts, wanted = inputs
    to_clips, to_texts, to_logits = grad_outputs
    of_clips, of_texts, logits, gathered, cached, needs_float64 = results
    needs_audio, needs_captions, needs_extras, needs_scale = wanted
    num_captions = len(captions)
    with torch.autocast(audio.device.type, enabled=False):
        all_audio, factor = gathered if counts else audio, scale.to(logits.dtype)
        if counts:
            to_clips = distributed.all_reduce_sum(to_clips)
        # Half precision needs weights near 1, for any size of the batch and any scale of the loss.
        unit = torch.maximum(to_clips.abs().amax(), to_texts.abs().amax()).clamp(min=torch.finfo(factor.dtype).tiny)
        all_audio_grad = torch.zeros_like(all_audio, dtype=factor.dtype) if needs_audio or needs_scale else None
        captions_grad = torch.zeros_like(captions, dtype=factor.dtype) if needs_captions else None
        extras_grad = torch.zeros_like(extras, dtype=factor.dtype) if needs_extras else None
        grads = (all_audio_grad, captions_grad, extras_grad)
        pairs = _pairs(all_audio, captions, extras, scale, owner, is_query, known_true, counts, cached)
        tiles.add_gradients(
            pairs,
            (of_clips, of_texts),
            (to_clips / unit, to_texts / unit),
            to_logits / (unit * LOG2_E),
            *grads,
            needs_float64=bool(needs_float64),
        )
        # The logits of extras that are compared with all clips are done; those of the other extras remain.
        to_extras = to_logits[num_captions:] if is_query is None else to_logits[num_captions:].masked_fill(is_query, 0)
        scale_grad = torch.zeros_like(factor)
        if needs_scale and all_audio_grad is not None:
            # weight * d/dweight is the sum of audio * d/daudio, and of logit * d/dlogit.
            scale_grad = ragged.dot(all_audio, all_audio_grad) * unit * LOG2_E
            scale_grad += torch.dot(to_extras, logits[num_captions:]) / factor
        for grad in grads:
            if grad is not None:
                grad.mul_(pairs.weight * unit)
        audio_grad = None
        if needs_audio and all_audio_grad is not None:
            first = _first_clip(counts)
            audio_grad = all_audio_grad[first : first + len(audio)]
        ragged.add_gradients(audio, extras, owner, to_extras * factor, audio_grad, extras_grad)
        if counts and all_audio_grad is not None and needs_audio:
            audio_grad = distributed.reduce_scatter_rows(all_audio_grad.to(audio.dtype), counts)
    wanted_grads = (
        audio.new_empty(0) if grad is None else grad.to(audio.dtype)
        for grad in (audio_grad, captions_grad, extras_grad)
    )
    return (*wanted_grads, scale_grad.to(scale.dtype))


@_gradients.register_fake
def _gradient_shapes(_: Any, __: Any, *inputs: Any) -> tuple[Tensor, ...]:
    *tensors, scale = inputs[:4]
    wanted = inputs[-1]
    grads = (torch.empty_like(t) if needed else t.new_empty(0) for t, needed in zip(tensors, wanted, strict=False))
    return (*grads, torch.empty_like(scale))


def _save_for_backward(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, counts, _ = inputs
    ctx.set_materialize_grads(False)
    ctx.counts = counts
    ctx.save_for_backward(*output, *tensors)


def _backward(ctx: Any, *grad_outputs: Tensor | None) -> tuple[Tensor | None, ...]:
    results, inputs = ctx.saved_tensors[:6], ctx.saved_tensors[6:]
    given = [
        torch.zeros_like(result) if grad_output is None else grad_output
        for grad_output, result in zip(grad_outputs[:3], results[:3], strict=True)
    ]
    wanted = list(ctx.needs_input_grad[:4])
    grads = torch.ops.compa.normalizers_backward(given, results, *inputs, ctx.counts, wanted)
    return (*(grad if needed else None for grad, needed in zip(grads, wanted, strict=True)), *[None] * 5)


def _no_second_derivative(ctx: Any, *grad_outputs: Any) -> None:
    raise NotImplementedError("the objectives have no second derivative: call backward without create_graph=True")


torch.library.register_autograd("compa::normalizers", _backward, setup_context=_save_for_backward)
torch.library.register_autograd("compa::normalizers_backward", _no_second_derivative)
