"""The input and the result of an objective."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Embeddings:
    """The embeddings of one batch on this rank: `B` clips, `M` further captions, `D` dimensions, unit rows.

    Attributes:
        audio: `(B, D)`, one row per clip.
        captions: `(B, D)`, caption i is true of clip i.
        extras: `(M, D)`, further captions, each of one clip: hard negatives, or positives of another granularity.
        owner: `(M,)` int64, the index in this batch of the clip that an extra belongs to.
        is_positive: `(M,)` bool, whether an extra is true of its clip.
        scale: `()`, 1 / temperature.
        known_true: `(B + M, G)` bool or None. Text t (captions first, then extras) is true of clip g of the batch of
            all ranks, clips in rank order (`G = B` in one process and in `eval()` mode). Such a pair is not a negative
            in either direction. A text's own clip is ignored, but a hard negative may not be marked true of its own
            clip.
    """

    audio: Tensor
    captions: Tensor
    extras: Tensor
    owner: Tensor
    is_positive: Tensor
    scale: Tensor
    known_true: Tensor | None = None


@dataclass(frozen=True)
class Loss:
    """A loss to differentiate, and its parts.

    Attributes:
        total: `()`, the mean of the two directions. On W ranks it is `W * sum over own clips / clips of all ranks`, so
            that its mean over the ranks is the loss of the whole batch, and gradients averaged over the ranks are those
            of the whole batch.
        parts: Named scalars without gradient, for logging, scaled in the same way.
    """

    total: Tensor
    parts: Mapping[str, Tensor] = field(default_factory=dict)
