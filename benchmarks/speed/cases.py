"""The losses that are compared, and the batches that they are compared on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from benchmarks.speed import baselines
from compa.objectives import Embeddings, HardNegativeNCE, InfoNCE, ModularNCE
from compa.objectives.objective import Objective

Loss = Callable[[Embeddings], Tensor]


def make_batch(
    num_clips: int,
    num_extras: int,
    width: int = 512,
    *,
    num_positives: int = 0,
    dtype: torch.dtype = torch.float32,
    device: str = "cpu",
    scale: float = 1 / 0.07,
    seed: int = 0,
) -> Embeddings:
    """Makes a batch in which every clip owns the same number of extras, its positives first.

    Args:
        num_clips: B.
        num_extras: K, extras of every clip.
        width: D.
        num_positives: How many of the K are positives.
        dtype: Type of the embeddings.
        device: Device of the embeddings.
        scale: Inverse of the temperature.
        seed: Seed of the random rows.
    """
    random = torch.Generator(device).manual_seed(seed)

    def rows(number: int) -> Tensor:
        drawn = torch.empty(number, width, device=device, dtype=dtype).normal_(generator=random)
        # in place, so that making the inputs does not set the peak of memory
        lengths = torch.linalg.vector_norm(drawn, dim=1, keepdim=True, dtype=torch.promote_types(dtype, torch.float32))
        return drawn.div_(lengths.to(dtype)).requires_grad_() if number else drawn

    return Embeddings(
        audio=rows(num_clips),
        captions=rows(num_clips),
        extras=rows(num_clips * num_extras),
        owner=torch.arange(num_clips, device=device).repeat_interleave(num_extras),
        is_positive=(torch.arange(num_extras, device=device) < num_positives).repeat(num_clips),
        scale=torch.tensor(scale, device=device, dtype=torch.promote_types(dtype, torch.float32)).requires_grad_(),
    )


def gradients(loss: Loss, embeddings: Embeddings) -> Sequence[Tensor | None]:
    """Computes a loss and returns its gradients for audio, captions, extras and scale."""
    e = embeddings
    inputs = [tensor for tensor in (e.audio, e.captions, e.extras, e.scale) if tensor.requires_grad]
    return torch.autograd.grad(loss(e), inputs, allow_unused=True)


def total_of(objective: Objective) -> Loss:
    """Makes a loss of an objective; values are checked as in training, on the first calls."""
    return lambda embeddings: objective(embeddings).total


def open_clip(embeddings: Embeddings) -> Tensor:
    """The loss of open_clip, which has no hard negatives."""
    loss: Tensor = baselines.open_clip_loss()(embeddings.audio, embeddings.captions, embeddings.scale)
    return loss


INFONCE, HARD, MODULAR = "compa, InfoNCE", "compa, HardNegativeNCE", "compa, ModularNCE"
OPEN_CLIP, DENSE, FULL = "open_clip ClipLoss", "dense InfoNCE", "full matrix, added mask"
STAGE_2, STAGE_3 = "released style, stage 2", "released style, stage 3"
LOSSES: dict[str, Loss] = {
    INFONCE: total_of(InfoNCE()),
    HARD: total_of(HardNegativeNCE()),
    MODULAR: total_of(ModularNCE()),
    OPEN_CLIP: open_clip,
    DENSE: baselines.dense_infonce,
    FULL: baselines.full_matrix,
    STAGE_2: baselines.released_style_stage_2,
    STAGE_3: baselines.released_style_stage_3,
}


def reference(embeddings: Embeddings) -> Embeddings:
    """Copies a batch to the CPU in float64 and normalizes its rows."""
    e = embeddings

    def copied(rows: Tensor) -> Tensor:
        return normalize(rows.detach().cpu().double(), dim=1).requires_grad_()

    return Embeddings(
        audio=copied(e.audio),
        captions=copied(e.captions),
        extras=copied(e.extras),
        owner=e.owner.cpu(),
        is_positive=e.is_positive.cpu(),
        scale=e.scale.detach().cpu().double().requires_grad_(),
        known_true=None if e.known_true is None else e.known_true.cpu(),
    )
