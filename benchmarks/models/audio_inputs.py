"""Audio on its way to a model: digest, length, and waveform."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np

from benchmarks.items import Audio

LONG_SECONDS = 30
"""Longer files are not decoded here but left to the model, which can read them in blocks."""
_BYTES_PER_SECOND = 32_000  # a guess for files whose header does not give a length


def digest(audio: Audio) -> bytes:
    """A hash of the bytes of a file, or of the samples and rate of a waveform.

    Raises:
        ValueError: If the file cannot be read.
    """
    hashed = hashlib.blake2b(digest_size=20)
    if isinstance(audio, Path):
        try:
            hashed.update(audio.read_bytes())
        except OSError as error:
            raise ValueError(f"{audio} cannot be read ({error.strerror})") from None
    else:
        waveform, sample_rate = audio
        hashed.update(f"{sample_rate} Hz, {waveform.dtype}, {waveform.shape}: ".encode())
        hashed.update(np.ascontiguousarray(waveform).data)
    return hashed.digest()


def seconds(audio: Audio) -> float:
    """The length of an audio, as far as it is known without decoding."""
    if not isinstance(audio, Path):
        return len(audio[0]) / audio[1]
    import soundfile

    try:
        return float(soundfile.info(audio).duration)
    except (RuntimeError, OSError):
        return audio.stat().st_size / _BYTES_PER_SECOND


def decoded(audio: Audio, sample_rate: int) -> Audio:
    """The waveform of a file at a rate in Hz; waveforms and long files are returned unchanged.

    Raises:
        ValueError: If the file cannot be decoded.
    """
    if not isinstance(audio, Path):
        return audio
    from compa.audio.decode import audio_blocks

    blocks, num_samples = [], 0
    for block in audio_blocks(audio, sample_rate):
        blocks.append(block)
        num_samples += len(block)
        if num_samples > LONG_SECONDS * sample_rate:
            return audio
    return (blocks[0] if len(blocks) == 1 else np.concatenate(blocks)), sample_rate
