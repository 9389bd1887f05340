"""The base class of all objectives: checks, the batch of all ranks, and the mean of the two directions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, cast

import torch
from torch import Tensor, nn

from compa.objectives.embeddings import Embeddings, Loss
from compa.objectives.kernels import distributed
from compa.objectives.kernels.distributed_checks import check_batch
from compa.objectives.kernels.normalizers import LossTerms, loss_terms

CHECKED_CALLS = 10
"""The first calls, whose values are checked (unit rows, owners, contradictions), which waits for the GPU: what is wrong
is mostly wrong from the start. Shapes, types and devices are checked at every call."""


class Objective(nn.Module, ABC):
    """A contrastive objective: the losses of every clip in two directions, averaged over all ranks' clips.

    When a process group is up and the module is in `train()` mode, the batch is that of all ranks, and every rank has
    to call; ranks may have different numbers of clips. In `eval()` mode each rank stays by itself.

    A new objective implements `losses`, and sets `uses_extras` and `queries_positives`.
    """

    uses_extras: ClassVar[bool] = True
    """Whether the extras have a part in the loss."""
    queries_positives: ClassVar[bool] = False
    """Whether positive extras are compared with all clips, so that `LossTerms.extra_normalizers` are there."""

    def __init__(self) -> None:
        super().__init__()
        self._num_calls = 0

    if TYPE_CHECKING:

        def __call__(self, embeddings: Embeddings) -> Loss:
            """Computes the loss of one batch; see `forward`."""

    @abstractmethod
    def losses(self, embeddings: Embeddings, terms: LossTerms, /) -> tuple[Tensor, Tensor]:
        """Computes the loss of every clip of this rank, audio→text and text→audio: `(B,)` each."""

    @property
    def spans_ranks(self) -> bool:
        """Whether the next call contrasts over all ranks, and `known_true` needs columns for all of their clips."""
        return self.training and distributed.is_distributed()

    def forward(self, embeddings: Embeddings) -> Loss:
        """Computes the loss of one batch.

        Raises:
            ValueError: If the embeddings are invalid; in a batch that spans ranks, on every rank.
        """
        counts = self._check(embeddings)
        if not self.uses_extras:
            embeddings = _without_extras(embeddings)
        terms = loss_terms(embeddings, counts, query_positives=self.queries_positives)
        weight = len(counts) / sum(counts) if counts else 1 / len(embeddings.audio)
        audio_to_text, text_to_audio = (loss.sum() * weight for loss in self.losses(embeddings, terms))
        parts = {"audio_to_text": audio_to_text.detach(), "text_to_audio": text_to_audio.detach()}
        return Loss((audio_to_text + text_to_audio) / 2, parts)

    def _check(self, embeddings: Embeddings) -> list[int]:
        """Checks the batch and returns the clips of every rank; none if the contrast stays within this rank."""
        values = not torch.compiler.is_compiling() and self._num_calls < CHECKED_CALLS
        if values:
            self._num_calls += 1
        check = _uncompiled_check() if self.spans_ranks else check_batch
        return check(embeddings, across_ranks=self.spans_ranks, values=values)


@cache
def _uncompiled_check() -> Callable[..., list[int]]:
    """Keeps `torch.compile` out of the ranks' exchange; made at the first use, since that takes seconds."""
    return cast(Callable[..., list[int]], torch.compiler.disable(check_batch))  # type: ignore[no-untyped-call]


def _without_extras(embeddings: Embeddings) -> Embeddings:
    e, known_true = embeddings, embeddings.known_true
    return replace(
        e,
        extras=e.extras.detach()[:0],
        owner=e.owner[:0],
        is_positive=e.is_positive[:0],
        known_true=None if known_true is None else known_true[: len(e.audio)],
    )
