"""What one sound file really holds: it is decoded to its end, block by block."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compa.audio.decode import open_audio
from compa.audio.mono import Cancellation, mean

SILENCE_DBFS = -60.0
"""A file is silent when, mixed to mono and without DC, it never rises above this."""
FULL_SCALE = 0.999
"""A sample of this size or more is at full scale."""


@dataclass(frozen=True)
class Probe:
    """One decoded file.

    Attributes:
        seconds: How long it is.
        peak: Half the distance between lowest and highest sample of the mono mix: its peak without DC.
        clipped_fraction: Fraction of samples at full scale, 0 to 1.
        is_finite: Whether no sample is NaN or infinite.
        cancellation: What its channels do to each other when they are averaged; empty where that is nothing.
        content_hash: Equal for equal rate, channels and samples, whatever the file's format.
        error: Why it could not be decoded; then nothing else is known.
    """

    seconds: float = 0.0
    peak: float = 0.0
    clipped_fraction: float = 0.0
    is_finite: bool = True
    cancellation: str = ""
    content_hash: str = ""
    error: str | None = None


def probe(path: Path) -> Probe:
    """Decodes a file and says what is in it; what is wrong with it is never raised."""
    try:
        return _probe(path)
    except ValueError as error:
        return Probe(error=str(error).removeprefix(f"{path} "))


def content_hash_of(waveform: NDArray[np.float32], sample_rate: int) -> str:
    """The `content_hash` of a mono file that holds these samples (samples,) at a rate in Hz."""
    content = _hash(sample_rate, 1)
    content.update(np.ascontiguousarray(waveform).data)
    return content.hexdigest()


def _hash(sample_rate: int, num_channels: int) -> hashlib.blake2b:
    return hashlib.blake2b(f"{sample_rate} {num_channels}".encode(), digest_size=16)


def _probe(path: Path) -> Probe:
    num_samples = num_clipped = 0
    is_finite = True
    cancellation = Cancellation()
    with open_audio(path) as stream:
        content = _hash(stream.sample_rate, stream.num_channels)
        low = np.full(stream.num_channels + 1, np.inf)  # of each channel, then of their mean
        high = -low
        for block in stream.blocks:
            mixed = mean(block)
            if is_finite := is_finite and bool(np.isfinite(mixed).all()):
                low = np.minimum(low, [*block.min(axis=0), mixed.min()])
                high = np.maximum(high, [*block.max(axis=0), mixed.max()])
                cancellation.add(block)
            num_samples += len(block)
            num_clipped += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
            content.update(np.ascontiguousarray(block).data)
    taken = -1 if cancellation.channel is None else cancellation.channel
    return Probe(
        seconds=num_samples / stream.sample_rate,
        peak=float(high[taken] - low[taken]) / 2 if num_samples and is_finite else 0.0,
        clipped_fraction=num_clipped / max(num_samples * stream.num_channels, 1),
        is_finite=is_finite,
        cancellation="" if taken < 0 or not is_finite else cancellation.reason,
        content_hash=content.hexdigest(),
    )
