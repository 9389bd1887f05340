"""Random batches, ragged extras and known true pairs included."""

from __future__ import annotations

from dataclasses import fields, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from compa.objectives import Embeddings, HardNegativeNCE, InfoNCE, ModularNCE
from compa.objectives.objective import Objective

NAMES = ("info", "hard", "mean", "sum", "queries")


def objective_named(name: str) -> Objective:
    return {
        "info": InfoNCE(),
        "hard": HardNegativeNCE(),
        "mean": ModularNCE("mean"),
        "sum": ModularNCE("sum"),
        "queries": ModularNCE("queries"),
    }[name]


def random_batch(
    seed: int = 0,
    num_clips: int = 5,
    num_extras: int = 7,
    width: int = 6,
    scale: float = 9.0,
    dtype: torch.dtype = torch.float64,
    share_known: float = 0.25,
) -> Embeddings:
    """Makes a batch whose tensors have gradients; some clips own no extras, others several."""
    random = torch.Generator().manual_seed(seed)

    def rows(number: int) -> Tensor:
        drawn = torch.randn(number, width, generator=random, dtype=torch.float64)
        return normalize(drawn, dim=1).to(dtype).requires_grad_()

    owner = torch.randint(0, num_clips, (num_extras,), generator=random)
    is_positive = torch.rand(num_extras, generator=random) < 0.4
    known_true = torch.rand(num_clips + num_extras, num_clips, generator=random) < share_known
    known_true[num_clips + torch.arange(num_extras), owner] &= is_positive
    return Embeddings(
        audio=rows(num_clips),
        captions=rows(num_clips),
        extras=rows(num_extras),
        owner=owner,
        is_positive=is_positive,
        scale=torch.tensor(scale, dtype=torch.float32 if dtype.itemsize < 4 else dtype).requires_grad_(),
        known_true=known_true if share_known else None,
    )


def detached(embeddings: Embeddings, dtype: torch.dtype | None = None) -> Embeddings:
    """Copies a batch, perhaps in another type, with gradients of its own."""
    copies = {}
    for field in fields(embeddings):
        value = getattr(embeddings, field.name)
        if value is not None and value.is_floating_point():
            value = value.detach().clone().to(dtype or value.dtype).requires_grad_()
        copies[field.name] = value
    return replace(embeddings, **copies)


def gradients(total: Tensor, embeddings: Embeddings) -> list[Tensor]:
    """Goes back to audio, captions, extras and scale; zeros where the loss doesn't depend on them."""
    inputs = [embeddings.audio, embeddings.captions, embeddings.extras, embeddings.scale]
    grads = torch.autograd.grad(total, inputs, allow_unused=True)
    return [torch.zeros_like(tensor) if grad is None else grad for grad, tensor in zip(grads, inputs, strict=True)]


def without_extras(embeddings: Embeddings) -> Embeddings:
    e = embeddings
    known_true = None if e.known_true is None else e.known_true[: len(e.audio)]
    return replace(e, extras=e.extras[:0], owner=e.owner[:0], is_positive=e.is_positive[:0], known_true=known_true)
