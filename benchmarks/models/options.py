"""The settings with which a model is opened."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from benchmarks.models.embedding_cache import EmbeddingCache
    from compa.models.encoders.audio import Pad

Uses: TypeAlias = Mapping[type, Callable[[], Any]]
"""The protocols of `benchmarks.scorer` that a model can be used as, each with a function that makes it so."""


@dataclass(frozen=True)
class ModelOptions:
    """How to open a model; each kind of model uses what applies to it.

    Attributes:
        seed: Seed of controls that draw at random.
        devices: Where to run the model, such as `cpu` or `cuda:1`, one copy each; empty is a GPU where there is one.
        cache: Stores embeddings; None keeps them in memory.
        pad: How checkpoints pad short clips, as for `compa.load`; None is the checkpoint's own way.
    """

    seed: int = 0
    devices: Sequence[str] = ()
    cache: EmbeddingCache | None = None
    pad: Pad | None = None


def check_devices(devices: Sequence[str]) -> None:
    """Checks that devices exist.

    Raises:
        ValueError: Names the first that does not, and those that do.
    """
    if not devices:
        return
    import torch

    legal = ["cpu", *(f"cuda:{number}" for number in range(torch.cuda.device_count()))]
    legal += ["mps"] if torch.backends.mps.is_available() else []
    for device in devices:
        if device not in legal and not (device == "cuda" and "cuda:0" in legal):
            raise ValueError(f"device must be one of {', '.join(legal)}; got {device!r}")
