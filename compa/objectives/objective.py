"""What all objectives share: checks, the batch of all ranks, and the mean of the two directions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, ClassVar, Literal, cast

import torch
from torch import Tensor, nn

from compa.objectives.embeddings import Embeddings, Loss
from compa.objectives.kernels import distributed as ranks
from compa.objectives.kernels.distributed_checks import check_alone, check_together
from compa.objectives.kernels.normalizers import Contrast, contrast

CHECKED_CALLS = 10
"""How many calls have their values checked by default: what is wrong is mostly wrong from the start."""


class Objective(nn.Module, ABC):
    """A contrastive objective: the losses of every clip in two directions, averaged over all ranks' clips.

    When a process group is up and the module is in `train()` mode, the batch is that of all ranks, and
    every rank has to call. In `eval()` mode each rank stays by itself. Each rank may have another number of
    clips.

    Args:
        check_values: When the values of the embeddings are checked (unit rows, owners, contradictions),
            which waits for the GPU: on the `first` 10 calls, `always` or `never`. Shapes, types and devices
            always are.
    """

    uses_extras: ClassVar[bool] = True
    queries_positives: ClassVar[bool] = False

    def __init__(self, *, check_values: Literal["first", "always", "never"] = "first") -> None:
        super().__init__()
        if check_values not in ("first", "always", "never"):
            raise ValueError(f"check_values is {check_values!r}; it needs to be 'first', 'always' or 'never'")
        self.check_values = check_values
        self._checked_calls = 0

    if TYPE_CHECKING:

        def __call__(self, embeddings: Embeddings) -> Loss:
            """Gives the loss of one batch; see `forward`."""

    @abstractmethod
    def losses(self, embeddings: Embeddings, contrast: Contrast, /) -> tuple[Tensor, Tensor]:
        """Gives the loss of every clip of this rank, audio→text and text→audio: `(B,)` each."""

    @property
    def spans_ranks(self) -> bool:
        """Whether the next call contrasts over all ranks, and `known_true` needs columns for all of them."""
        return self.training and ranks.are_several()

    def forward(self, embeddings: Embeddings) -> Loss:
        """Gives the loss of one batch.

        Raises:
            ValueError: If the embeddings don't fit; on several ranks then on every one of them.
        """
        counts = self._check(embeddings)
        if not self.uses_extras:
            embeddings = _without_extras(embeddings)
        compared = contrast(embeddings, counts, query_positives=self.queries_positives)
        share = len(counts) / sum(counts) if counts else 1 / len(embeddings.audio)
        audio_to_text, text_to_audio = (loss.sum() * share for loss in self.losses(embeddings, compared))
        parts = {"audio_to_text": audio_to_text.detach(), "text_to_audio": text_to_audio.detach()}
        return Loss((audio_to_text + text_to_audio) / 2, parts)

    def _check(self, embeddings: Embeddings) -> list[int]:
        """Checks the batch and gives the clips of every rank; none if the contrast stays in this one."""
        values = not torch.compiler.is_compiling() and (
            self.check_values == "always" or (self.check_values == "first" and self._checked_calls < CHECKED_CALLS)
        )
        if values:
            self._checked_calls += 1
        if self.spans_ranks:
            return _uncompiled_check()(embeddings, values=values)
        check_alone(embeddings, values=values)
        return []


@cache
def _uncompiled_check() -> Callable[..., list[int]]:
    """Keeps `torch.compile` out of what ranks tell each other; made at the first use, since that takes seconds."""
    return cast(Callable[..., list[int]], torch.compiler.disable(check_together))  # type: ignore[no-untyped-call]


def _without_extras(embeddings: Embeddings) -> Embeddings:
    e, known_true = embeddings, embeddings.known_true
    return replace(
        e,
        extras=e.extras.detach()[:0],
        owner=e.owner[:0],
        is_positive=e.is_positive[:0],
        known_true=None if known_true is None else known_true[: len(e.audio)],
    )
