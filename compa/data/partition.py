"""How the batch of all ranks is cut into equal slices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytorch_lightning as pl


@dataclass(frozen=True)
class BatchPartition:
    """One slice for each rank and each step whose gradients are accumulated; the first step has the first slices.

    Attributes:
        rank: Which rank this is ...
        num_ranks: ... of how many.
        num_steps: Steps whose gradients are accumulated.
    """

    rank: int = 0
    num_ranks: int = 1
    num_steps: int = 1

    def check(self, batch_size: int, of_twins: bool) -> None:
        """Makes sure that a batch can be cut, without separating twins.

        Raises:
            ValueError: If not, with the nearest sizes that can be.
        """
        unit = (2 if of_twins else 1) * self.num_ranks * self.num_steps
        if batch_size > 0 and batch_size % unit == 0:
            return
        below, above = max(batch_size, 0) // unit * unit, (max(batch_size, 0) // unit + 1) * unit
        nearest = f"{below} or {above}" if below else f"{above}"
        ranks = f"{self.num_ranks} rank{'s' if self.num_ranks > 1 else ''}"
        accumulated = f" x {self.num_steps} accumulated steps" if self.num_steps > 1 else ""
        raise ValueError(
            f"batch_size {batch_size} does not divide into {'twins' if of_twins else 'clips'} on {ranks}{accumulated}: "
            f"use {nearest}"
        )

    def slice_for(self, size: int, step: int) -> slice:
        """Which of a batch's `size` rows are this rank's in an accumulated step."""
        length = size // (self.num_ranks * self.num_steps)
        start = (step * self.num_ranks + self.rank) * length
        return slice(start, start + length)


WHOLE = BatchPartition()


def partition_of(trainer: pl.Trainer | None, is_training: bool) -> BatchPartition:
    """How a trainer's batches are cut; without one they stay whole. Validation accumulates nothing."""
    if trainer is None:
        return WHOLE
    num_steps = trainer.accumulate_grad_batches if is_training else 1
    return BatchPartition(trainer.global_rank, trainer.world_size, num_steps)
