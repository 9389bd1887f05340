"""The losses that are compared, and the batches they are compared on."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn.functional import normalize

from benchmarks.speed import baselines as rivals
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
        dtype: Of the embeddings.
        device: Where they are.
        scale: One over the temperature.
        seed: Of the random rows.
    """
    random = torch.Generator(device).manual_seed(seed)

    def rows(number: int) -> Tensor:
        drawn = torch.empty(number, width, device=device, dtype=dtype).normal_(generator=random)
        # In place, so that the peak of memory is not set by making the inputs.
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


def go_back(loss: Loss, embeddings: Embeddings) -> Sequence[Tensor | None]:
    """Takes a loss and its gradients for audio, captions, extras and scale."""
    e = embeddings
    inputs = [tensor for tensor in (e.audio, e.captions, e.extras, e.scale) if tensor.requires_grad]
    return torch.autograd.grad(loss(e), inputs, allow_unused=True)


def ours(objective: Objective) -> Loss:
    """Makes a plain loss of an objective; values are checked as in training, on the first calls."""
    return lambda embeddings: objective(embeddings).total


def open_clip(embeddings: Embeddings) -> Tensor:
    """Open_clip's loss, which knows no extras."""
    loss: Tensor = rivals.open_clip_loss()(embeddings.audio, embeddings.captions, embeddings.scale)
    return loss


INFONCE, HARD, MODULAR = "ours, InfoNCE", "ours, HardNegativeNCE", "ours, ModularNCE"
OPEN_CLIP, DENSE, FULL = "open_clip ClipLoss", "dense InfoNCE", "full matrix, added mask"
STAGE_2, STAGE_3 = "released style, stage 2", "released style, stage 3"
LOSSES: dict[str, Loss] = {
    INFONCE: ours(InfoNCE()),
    HARD: ours(HardNegativeNCE()),
    MODULAR: ours(ModularNCE()),
    OPEN_CLIP: open_clip,
    DENSE: rivals.dense_infonce,
    FULL: rivals.full_matrix,
    STAGE_2: rivals.released_style_stage_2,
    STAGE_3: rivals.released_style_stage_3,
}


def reference(embeddings: Embeddings) -> Embeddings:
    """Copies a batch to the CPU in float64, rows of unit length."""
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
