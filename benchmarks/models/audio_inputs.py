"""Audio on its way to a model: what it holds, how long it is, and its waveform, decoded ahead by threads."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TypeVar

import numpy as np

from benchmarks.items import Audio

Item = TypeVar("Item")
Made = TypeVar("Made")

LONG_SECONDS = 30
"""Longer files are left to the model, which need not have all of them in memory."""
_BYTES_A_SECOND = 32_000  # a guess for files whose header tells no length


def digest(audio: Audio) -> bytes:
    """Equal for equal content: bytes of a file, or samples and rate of a waveform.

    Raises:
        ValueError: If there is no such file.
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
    """How long an audio is, as far as can be told without decoding it."""
    if not isinstance(audio, Path):
        return len(audio[0]) / audio[1]
    import soundfile

    try:
        return float(soundfile.info(audio).duration)
    except (RuntimeError, OSError):
        return audio.stat().st_size / _BYTES_A_SECOND


def decoded(audio: Audio, sample_rate: int) -> Audio:
    """The waveform of a file at a rate in Hz; long files, and waveforms, stay what they are.

    Raises:
        ValueError: If it cannot be decoded.
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


def map_ahead(function: Callable[[Item], Made], items: Iterable[Item], depth: int) -> Iterator[Made]:
    """Yields `function(item)` of every item in order, while threads work on up to `depth` further ones.

    Threads serve where the work is done outside Python, as hashing, decoding and resampling are.
    """
    source = iter(items)
    waiting: deque[Future[Made]] = deque()
    pool = ThreadPoolExecutor(num_processors(), "ahead")
    try:
        waiting.extend(pool.submit(function, item) for item in islice(source, depth))
        while waiting:
            done = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(source, 1))
            yield done
    finally:
        pool.shutdown(cancel_futures=True)


def num_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
