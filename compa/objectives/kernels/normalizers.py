"""The one comparison that all objectives share: normalisers over the batch of all ranks, and own logits.

It is an operator of its own, `compa::contrast`, so that `torch.compile` takes it as it is, tile by tile.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import distributed as ranks
from compa.objectives.kernels import ragged as own
from compa.objectives.kernels import tiles
from compa.objectives.kernels.tiles import LOG2_E, Pairs, accumulator_type, sizes_of


@dataclass(frozen=True)
class Contrast:
    """Natural logarithms, in float32 (float64 for float64 embeddings).

    Attributes:
        clip_normalisers: `(B,)`, log of the sum of `exp(logit)` over the captions of all ranks, for every clip.
        caption_normalisers: `(B,)`, likewise over the clips of all ranks, for every caption.
        extra_normalisers: `(M,)`, likewise for the positive extras; 0 for the others, or if not asked for.
        caption_logits: `(B,)`, of clip i and caption i.
        extra_logits: `(M,)`, of an extra and its clip.
    """

    clip_normalisers: Tensor
    caption_normalisers: Tensor
    extra_normalisers: Tensor
    caption_logits: Tensor
    extra_logits: Tensor


def contrast(embeddings: Embeddings, counts: Sequence[int], *, query_positives: bool = False) -> Contrast:
    """Compares every clip with every caption of all ranks, and with its own extras alone.

    Known true pairs are left out of the normalisers, a text's own clip never is. On W ranks the clips travel to the
    texts: a rank compares its `B` captions (and its `P` positive extras, if asked to) with the `G` clips of all ranks,
    and its `M` extras with their own clips. Nothing of size B x G is kept.

    Args:
        embeddings: The batch of this rank.
        counts: Clips of every rank; empty to stay within this one.
        query_positives: Whether positive extras are compared with all clips.
    """
    e, num_clips, first = embeddings, len(embeddings.audio), _first_clip(counts)
    inputs = (e.audio, e.captions, e.extras, e.scale)
    keep = torch.is_grad_enabled() and any(tensor.requires_grad for tensor in inputs)
    is_query = e.is_positive if query_positives else None
    of_clips, of_texts, logits, *_ = torch.ops.compa.contrast(
        *inputs, e.owner, is_query, e.known_true, list(counts), keep
    )
    return Contrast(
        clip_normalisers=of_clips[first : first + num_clips] / LOG2_E,
        caption_normalisers=of_texts[:num_clips] / LOG2_E,
        extra_normalisers=of_texts[num_clips:] / LOG2_E,
        caption_logits=logits[:num_clips],
        extra_logits=logits[num_clips:],
    )


def _first_clip(counts: Sequence[int]) -> int:
    return sum(counts[: dist.get_rank()]) if counts else 0


def _kept(num_clips: int, captions: Tensor, keep: bool) -> int:
    return min(num_clips * len(captions), sizes_of(captions.device).kept) if keep else 0


def _pairs(
    everyone: Tensor,
    captions: Tensor,
    extras: Tensor,
    scale: Tensor,
    owner: Tensor,
    is_query: Tensor | None,
    known_true: Tensor | None,
    counts: Sequence[int],
    kept: Tensor,
) -> Pairs:
    # Which extras are compared is known to the device alone, so ModularNCE waits for it here.
    queries = owner[:0] if is_query is None else is_query.nonzero()[:, 0]
    first_clip = _first_clip(counts)
    own_clip = torch.cat([torch.arange(len(captions), device=owner.device), owner]) + first_clip
    weight = scale.to(accumulator_type(everyone.dtype)) * LOG2_E
    return Pairs(everyone, captions, extras, queries, own_clip, first_clip, weight, known_true, kept)


@torch.library.custom_op(
    "compa::contrast",
    mutates_args=(),
    schema="(Tensor audio, Tensor captions, Tensor extras, Tensor scale, Tensor owner, Tensor? is_query, "
    "Tensor? known_true, SymInt[] counts, bool keep) -> (Tensor, Tensor, Tensor, Tensor, Tensor, Tensor)",
)
def _contrast(
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
    """Gives the log2 sums of clips `(G,)` and texts, own logits, and for the way back all ranks' audio, the powers
    that are kept, and whether float64 was needed (on the CPU, so that a GPU isn't waited for).
    """
    with torch.autocast(audio.device.type, enabled=False):
        everyone = ranks.gather_rows(audio, counts) if counts else audio
        factor = scale.to(accumulator_type(audio.dtype))
        kept = factor.new_empty(_kept(len(everyone), captions, keep))
        pairs = _pairs(everyone, captions, extras, scale, owner, is_query, known_true, counts, kept)
        of_clips, of_texts, is_wide = tiles.log2_sums(pairs)
        if counts:
            of_clips = ranks.log2_sum(of_clips)
        of_captions = own.logits(audio, captions, None, factor)
        of_extras = own.logits(audio, extras, owner, factor)
    gathered = everyone if counts else audio.new_empty(0)
    return of_clips, of_texts, torch.cat([of_captions, of_extras]), gathered, kept, torch.tensor(is_wide)


@_contrast.register_fake
def _shapes(audio: Tensor, captions: Tensor, extras: Tensor, *others: Any) -> tuple[Tensor, ...]:
    counts, keep = others[-2:]
    num_clips, num_texts = sum(counts) if counts else len(audio), len(captions) + len(extras)
    like = audio.new_empty(0, dtype=accumulator_type(audio.dtype))
    gathered = audio.new_empty((num_clips, audio.shape[1]) if counts else 0)
    lengths = (num_clips, num_texts, num_texts, _kept(num_clips, captions, keep))
    of_clips, of_texts, logits, kept = (like.new_empty(length) for length in lengths)
    return of_clips, of_texts, logits, gathered, kept, torch.empty((), dtype=torch.bool)


@torch.library.custom_op(
    "compa::contrast_gradients",
    mutates_args=(),
    schema="(Tensor[] slopes, Tensor[] results, Tensor audio, Tensor captions, Tensor extras, Tensor scale, "
    "Tensor owner, Tensor? is_query, Tensor? known_true, SymInt[] counts, bool[] wanted) "
    "-> (Tensor, Tensor, Tensor, Tensor)",
)
def _gradients(
    slopes: Sequence[Tensor],
    results: Sequence[Tensor],
    audio: Tensor,
    captions: Tensor,
    extras: Tensor,
    scale: Tensor,
    owner: Tensor,
    is_query: Tensor | None,
    known_true: Tensor | None,
    counts: Sequence[int],
    wanted: Sequence[bool],
) -> tuple[Tensor, ...]:
    """Gives the gradients of audio, captions, extras and scale; empty where they aren't wanted."""
    to_clips, to_texts, to_logits = slopes
    of_clips, of_texts, logits, gathered, kept, is_wide = results
    with torch.autocast(audio.device.type, enabled=False):
        everyone, factor = gathered if counts else audio, scale.to(logits.dtype)
        if counts:
            to_clips = ranks.sum_of(to_clips)
        # Half precision needs weights near 1, whatever the size of the batch and the scale of the loss.
        unit = torch.maximum(to_clips.abs().amax(), to_texts.abs().amax()).clamp(min=torch.finfo(factor.dtype).tiny)
        needs_audio, needs_captions, needs_extras, needs_scale = wanted
        to_everyone = torch.zeros_like(everyone, dtype=factor.dtype) if needs_audio or needs_scale else None
        to_captions = torch.zeros_like(captions, dtype=factor.dtype) if needs_captions else None
        to_extras = torch.zeros_like(extras, dtype=factor.dtype) if needs_extras else None
        pairs = _pairs(everyone, captions, extras, scale, owner, is_query, known_true, counts, kept)
        pair_slopes, own_slopes = (to_clips / unit, to_texts / unit), to_logits / (unit * LOG2_E)
        grads = (to_everyone, to_captions, to_extras)
        tiles.add_gradients(pairs, (of_clips, of_texts), pair_slopes, own_slopes, *grads, is_wide=bool(is_wide))
        # Extras that are compared with all clips are done with.
        alone = to_logits[len(captions) :] if is_query is None else to_logits[len(captions) :].masked_fill(is_query, 0)
        to_scale = torch.zeros_like(factor)
        if needs_scale and to_everyone is not None:
            # weight * d/dweight is the sum of audio * d/daudio, logit * d/dlogit likewise.
            to_scale = own.dot(everyone, to_everyone) * unit * LOG2_E
            to_scale += torch.dot(alone, logits[len(captions) :]) / factor
        for grad in grads:
            if grad is not None:
                grad.mul_(pairs.weight * unit)
        to_audio = None
        if needs_audio and to_everyone is not None:
            first = _first_clip(counts)
            to_audio = to_everyone[first : first + len(audio)]
        own.add_gradients(audio, extras, owner, alone * factor, to_audio, to_extras)
        if counts and to_everyone is not None and needs_audio:
            to_audio = ranks.scatter_sum(to_everyone.to(audio.dtype), counts)
    found = (to_audio, to_captions, to_extras)
    wanted_grads = (audio.new_empty(0) if grad is None else grad.to(audio.dtype) for grad in found)
    return (*wanted_grads, to_scale.to(scale.dtype))


@_gradients.register_fake
def _gradient_shapes(_: Any, __: Any, *inputs: Any) -> tuple[Tensor, ...]:
    *tensors, scale = inputs[:4]
    wanted = inputs[-1]
    grads = (torch.empty_like(t) if needed else t.new_empty(0) for t, needed in zip(tensors, wanted, strict=False))
    return (*grads, torch.empty_like(scale))


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    *tensors, counts, _ = inputs
    ctx.set_materialize_grads(False)
    ctx.counts = counts
    ctx.save_for_backward(*output, *tensors)


def _go_back(ctx: Any, *slopes: Tensor | None) -> tuple[Tensor | None, ...]:
    results, inputs = ctx.saved_tensors[:6], ctx.saved_tensors[6:]
    given = [
        torch.zeros_like(result) if slope is None else slope
        for slope, result in zip(slopes[:3], results[:3], strict=True)
    ]
    wanted = list(ctx.needs_input_grad[:4])
    grads = torch.ops.compa.contrast_gradients(given, results, *inputs, ctx.counts, wanted)
    return (*(grad if needed else None for grad, needed in zip(grads, wanted, strict=True)), *[None] * 5)


def _refuse(ctx: Any, *slopes: Any) -> None:
    raise NotImplementedError("the objectives have no second derivative: go back without create_graph=True")


torch.library.register_autograd("compa::contrast", _go_back, setup_context=_remember)
torch.library.register_autograd("compa::contrast_gradients", _refuse)
