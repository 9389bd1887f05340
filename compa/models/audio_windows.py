"""Audio from files or arrays as padded batches of windows, the way trained models read it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from compa.audio.decode import audio_blocks, in_windows, resample

Audio = Path | str | tuple[NDArray[np.float32], int]
"""A sound file, or a mono waveform (samples,) with its rate in Hz."""


class Windows(NamedTuple):
    """N windows that are encoded together.

    Attributes:
        rows: Index of each window's clip; the windows of a clip follow each other.
        waveforms: (N, samples), zero beyond each window's length.
        lengths: (N,) samples of each window.
    """

    rows: list[int]
    waveforms: Tensor
    lengths: Tensor


def window_batches(
    audio: Sequence[Audio], sample_rate: int, window_seconds: float, batch_size: int
) -> Iterator[Windows]:
    """Cuts clips into windows, the last of which may be shorter; no more than a batch of them is in memory.

    Raises:
        ValueError: If a file cannot be decoded, a waveform is not one-dimensional, empty or not finite, or one path is
            given in place of several.
    """
    check_several(audio)
    size = round(window_seconds * sample_rate)
    windows = (
        (row, window) for row, clip in enumerate(audio) for window in in_windows(_blocks(clip, sample_rate), size)
    )
    for rows, batch in batches(windows, batch_size):
        lengths = torch.tensor([len(window) for window in batch])
        waveforms = torch.zeros(len(batch), int(lengths.max()))
        for row, window in enumerate(batch):
            waveforms[row, : len(window)] = torch.from_numpy(window)
        yield Windows(rows, waveforms, lengths)


def batches(items: Iterable[tuple[int, Any]], size: int) -> Iterator[tuple[list[int], list[Any]]]:
    """Groups (row, value) pairs into rows and values of up to `size`."""
    rows: list[int] = []
    values: list[Any] = []
    for row, value in items:
        rows.append(row)
        values.append(value)
        if len(rows) == size:
            yield rows, values
            rows, values = [], []
    if rows:
        yield rows, values


def check_several(items: Sequence[Any]) -> None:
    """Refuses one string or path where a list is expected: a string is a sequence, too, of letters."""
    if isinstance(items, str | Path):
        raise ValueError(f"{str(items)!r} is one item, expected several: give a list, [{str(items)!r}]")


def _blocks(clip: Audio, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    if isinstance(clip, str | Path):
        yield from audio_blocks(clip, sample_rate)
        return
    waveform, rate = clip
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 1 or not len(waveform):
        raise ValueError(f"a waveform of shape {waveform.shape} is not mono audio: give (samples,) with samples > 0")
    if not np.isfinite(waveform).all():
        raise ValueError("a waveform has NaN or infinite samples")
    yield resample(waveform, rate, sample_rate)
