"""What one sound file really holds: it is decoded to its end, block by block."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from compa.audio.decode import open_audio, to_mono

SILENCE_DBFS = -60.0
"""A file is silent when its mono mix, without DC, never rises above this."""
FULL_SCALE = 0.999
"""A sample of this size or more is at full scale."""


@dataclass(frozen=True)
class Probe:
    """One decoded file.

    Attributes:
        seconds: How long it is.
        swing: Half the distance between lowest and highest sample of the mono mix: its peak without DC.
        clipped_share: Share of samples at full scale, 0 to 1.
        is_finite: Whether no sample is NaN or infinite.
        content: A hash of rate, channels and samples: equal for equal sound, whatever the file's format.
        error: Why it could not be decoded; then nothing else is known.
    """

    seconds: float = 0.0
    swing: float = 0.0
    clipped_share: float = 0.0
    is_finite: bool = True
    content: str = ""
    error: str | None = None


def probe(path: Path) -> Probe:
    """Decodes a file and says what is in it; what is wrong with it is never raised."""
    try:
        return _probe(path)
    except ValueError as error:
        return Probe(error=str(error).removeprefix(f"{path} "))


def content_of(waveform: NDArray[np.float32], sample_rate: int) -> str:
    """The `content` of a mono file that holds these samples (samples,) at a rate in Hz."""
    content = _hash(sample_rate, 1)
    content.update(np.ascontiguousarray(waveform).data)
    return content.hexdigest()


def _hash(sample_rate: int, num_channels: int) -> hashlib.blake2b:
    return hashlib.blake2b(f"{sample_rate} {num_channels}".encode(), digest_size=16)


def _probe(path: Path) -> Probe:
    low, high = np.inf, -np.inf
    num_samples = num_clipped = 0
    is_finite = True
    with open_audio(path) as stream:
        content = _hash(stream.sample_rate, stream.num_channels)
        for block in stream.blocks:
            mono = to_mono(block)
            is_finite = is_finite and bool(np.isfinite(mono).all())
            low, high = min(low, float(mono.min())), max(high, float(mono.max()))
            num_samples += len(block)
            num_clipped += int(np.count_nonzero(np.abs(block) >= FULL_SCALE))
            content.update(np.ascontiguousarray(block).data)
    return Probe(
        seconds=num_samples / stream.sample_rate,
        swing=(high - low) / 2 if num_samples and is_finite else 0.0,
        clipped_share=num_clipped / max(num_samples * stream.num_channels, 1),
        is_finite=is_finite,
        content=content.hexdigest(),
    )
