"""Sound that is being decoded, block by block: memory is bounded by the block, even if a header promises hours."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK_SAMPLES = 2**18
"""Samples that are decoded at a time, over all channels, about."""
MAX_SHORTFALL_SECONDS = 0.1
"""A file that is this much shorter than its header says is cut off; encoders' padding stays below this."""


@dataclass(frozen=True)
class AudioStream:
    """A sound file that was opened.

    Attributes:
        sample_rate: In Hz, as the header has it.
        num_channels: How many there are.
        blocks: Waveforms, float32 of shape (samples, channels), in order; an iterator. Raises
            ValueError with the reason where decoding fails or the file is cut off.
        num_promised: Samples a channel that the header promises; None where it does not say.
    """

    sample_rate: int
    num_channels: int
    blocks: Iterator[NDArray[np.float32]]
    num_promised: int | None = None


def check_length(num_samples: int, num_promised: int | None, sample_rate: int) -> None:
    """Raises ValueError where much less was decoded than the header promised (samples a channel)."""
    if num_promised is not None and num_promised - num_samples > MAX_SHORTFALL_SECONDS * sample_rate:
        found, promised = num_samples / sample_rate, num_promised / sample_rate
        raise ValueError(f"it is cut off: the header promises {promised:.2f} s, {found:.2f} s are there")
