"""From a mono waveform to the bytes of a sound file: equal waveforms give equal bytes."""

from __future__ import annotations

import io
import zlib

import numpy as np
import soundfile
from numpy.typing import NDArray

FORMATS = {"flac": ("FLAC", "PCM_16"), "wav": ("WAV", "PCM_16"), "opus": ("OGG", "OPUS")}
"""What can be written, by the end of the file's name: libsndfile's names of the container and the samples' coding."""
MAX_RATE = 655350
"""In Hz; the highest of FLAC."""
OPUS_RATES = (8000, 12000, 16000, 24000, 48000)

_SERIAL, _CHECKSUM = slice(14, 18), slice(22, 26)  # positions in the header of an Ogg page
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def check_format(name: str, sample_rate: int) -> None:
    """Makes sure that a format is known and supports a sample rate.

    Raises:
        ValueError: If not.
    """
    if name not in FORMATS:
        raise ValueError(f"audio format must be one of {', '.join(FORMATS)}; got {name!r}")
    if not 0 < sample_rate <= MAX_RATE:
        raise ValueError(f"sample rate must be from 1 to {MAX_RATE} Hz; got {sample_rate}")
    if name == "opus" and sample_rate not in OPUS_RATES:
        raise ValueError(f"sample_rate of Opus must be one of {', '.join(map(str, OPUS_RATES))} Hz; got {sample_rate}")


def encode_audio(waveform: NDArray[np.float32], sample_rate: int, name: str) -> bytes:
    """Encodes a waveform; FLAC and WAV hold 16 bits a sample, and what exceeds full scale is clipped.

    Args:
        waveform: Mono, float32 of shape (samples,); full scale is 1.
        sample_rate: In Hz.
        name: `flac`, `wav` or `opus`.

    Returns:
        The content of a sound file.

    Raises:
        ValueError: If the format is unknown or does not support the rate.
    """
    check_format(name, sample_rate)
    container, coding = FORMATS[name]
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, format=container, subtype=coding)
    content = file.getvalue()
    return _with_fixed_serial(content) if container == "OGG" else content


def _with_fixed_serial(content: bytes) -> bytes:
    """Ogg streams have a random number in every page; here it is always 0."""
    fixed = bytearray(content)
    start = 0
    while start < len(fixed):
        num_segments = fixed[start + 26]
        body = start + 27 + num_segments
        end = body + sum(fixed[start + 27 : body])
        page = fixed[start:end]
        page[_SERIAL] = page[_CHECKSUM] = bytes(4)
        page[_CHECKSUM] = _ogg_checksum(bytes(page)).to_bytes(4, "little")
        fixed[start:end] = page
        start = end
    return bytes(fixed)


def _ogg_checksum(page: bytes) -> int:
    """Ogg's CRC-32 is zlib's with bits mirrored, starting from 0 and without the final complement."""
    mirrored = zlib.crc32(page.translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
