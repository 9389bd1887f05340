"""wav, flac, ogg, opus and mp3, decoded by libsndfile."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from compa.audio.stream import BLOCK_SAMPLES, AudioStream, check_length

OPEN_END_BYTES = (2**31, 2**32)
"""Data sizes that a WAV written to a pipe declares because its length was unknown; they are ignored."""


@contextmanager
def open_sndfile(path: Path) -> Iterator[AudioStream]:
    """Opens a file that libsndfile knows.

    Raises:
        ValueError: With the reason, if it does not.
    """
    try:
        file = soundfile.SoundFile(path)
    except (soundfile.LibsndfileError, OSError, TypeError) as error:
        raise ValueError(f"libsndfile: {_reason(error)}") from error
    with file:
        promised = _promised(file)
        yield AudioStream(file.samplerate, file.channels, _blocks(file, path, promised), promised)


def _blocks(file: soundfile.SoundFile, path: Path, promised: int | None) -> Iterator[NDArray[np.float32]]:
    size = max(1, BLOCK_SAMPLES // file.channels)
    num_samples = 0
    try:
        while len(block := file.read(size, dtype="float32", always_2d=True)):
            num_samples += len(block)
            yield block
    except (soundfile.LibsndfileError, OSError) as error:
        raise ValueError(f"libsndfile after {num_samples / file.samplerate:.2f} s: {_reason(error)}") from error
    check_length(num_samples, promised, file.samplerate)
    if file.format == "OGG" and not _ends_in_last_page(path):
        raise ValueError(f"it is cut off: no page marked as the last one after {num_samples / file.samplerate:.2f} s")


def _promised(file: soundfile.SoundFile) -> int | None:
    """Samples per channel that the header promises; libsndfile clips a WAV's to the file, so its log is parsed."""
    if cut := re.search(r"data : (\d+) \(should be (\d+)\)", file.extra_info):
        promised, found = int(cut[1]), int(cut[2])
        if all(abs(promised - open_end) > 2**16 for open_end in OPEN_END_BYTES):
            return round(file.frames * promised / found) if file.frames else promised // _bytes_a_sample(file)
    return int(file.frames)


def _bytes_a_sample(file: soundfile.SoundFile) -> int:
    """Bytes of a sample of all channels, as a WAV's header has them."""
    block = re.search(r"Block Align +: (\d+)", file.extra_info)
    return max(1, int(block[1]) if block else file.channels)


def _ends_in_last_page(path: Path) -> bool:
    """Whether an Ogg stream's last page is whole and marked as the last."""
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - 2**17))
        tail = file.read(2**17)
    page = tail[max(0, tail.rfind(b"OggS")) :]
    segments = page[27 : 27 + page[26]] if len(page) > 26 else b""
    return len(page) > 26 and bool(page[5] & 4) and len(page) >= 27 + len(segments) + sum(segments)


def _reason(error: Exception) -> str:
    reason = str(getattr(error, "error_string", None) or error).rstrip(".")
    return "format not recognised" if "does not exist" in reason or isinstance(error, TypeError) else reason
