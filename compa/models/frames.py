"""`Frames`: what every audio encoder returns."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Frames(NamedTuple):
    """Vectors of a batch of B clips along time.

    CLAP pools the last layer; probes and audio language models may read all of them. A tuple passes through
    `torch.compile` and activation checkpointing.

    Attributes:
        layers: (B, T', width) each, from what enters the encoder's blocks to its output; only the last one, unless all
            were requested, so that no other is kept in memory.
        mask: (B, T'), True on frames that cover something of the clip; they come first.
        frame_seconds: From the start of one frame to the start of the next.
    """

    layers: tuple[Tensor, ...]
    mask: Tensor
    frame_seconds: float

    @property
    def last(self) -> Tensor:
        """The encoder's output, (B, T', width)."""
        return self.layers[-1]
