"""Several channels become one: their mean, or the loudest of them where they cancel each other in the mean."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

WINDOW_SAMPLES = 4096
"""Cancellation is measured window by window: 0.1 s at 44.1 kHz."""
CANCELLED_DB = -10.0
"""A window is cancelled when the power of the channels' sum is this far below the sum of their powers, which it equals
for sounds that have nothing in common. Two channels in antiphase are below it where they differ by up to 3 dB."""
MAX_CANCELLED = 0.1
"""The channels of a sound cancel each other when cancelled windows hold more of its energy than this.

Measured on recordings of ESC-10, made stereo: in two microphones 17 or 60 cm apart, a panned pair, or an echo of 15 ms,
cancelled windows hold 0.04 of the energy at most; in antiphase all of it, also with other noise in both channels 20 dB
below, 0.87 and more after AAC, 0.37 and more after Vorbis; with the last quarter alone in antiphase 0.15 in the median.
What cancels in some frequencies only, while others are louder, is not recognized.
"""
HELD_SAMPLES = 2**23
"""So many samples, over all channels, decide what is taken: 95 s of stereo at 44.1 kHz. They are held in memory."""


class ChannelsCancel(UserWarning):
    """One channel of a sound is taken alone, since the channels cancel each other in their mean."""


def mixed(blocks: Iterable[NDArray[np.float32]], name: object) -> Iterator[NDArray[np.float32]]:
    """Mixes a sound to mono, block by block: the mean of its channels, or the loudest one where they cancel each other.

    Args:
        blocks: Parts of the sound, float32 of shape (samples, channels).
        name: What messages call it.

    Yields:
        Parts of shape (samples,).

    Raises:
        ValueError: If the channels turn out to cancel each other after `HELD_SAMPLES` only.
    """
    cancellation = Cancellation()
    source = iter(blocks)
    held: list[NDArray[np.float32]] = []
    for block in source:
        cancellation.add(block)
        held.append(block)
        if block.shape[1] == 1 or sum(part.size for part in held) >= HELD_SAMPLES:
            break
    channel = cancellation.channel
    if channel is not None:
        warnings.warn(f"{name}: {cancellation.reason}; channel {channel + 1} is used alone", ChannelsCancel, 2)
    yield from (_one_of(block, channel) for block in held)
    held.clear()
    for block in source:
        cancellation.add(block)
        yield _one_of(block, channel)
    if channel is None and cancellation.channel is not None:
        raise ValueError(f"{name}: {cancellation.reason}, but not at its start: write one of them as a mono file")


class Cancellation:
    """Measures, block by block, how much of a sound its channels cancel when they are averaged.

    Offsets do not count: what is compared is the power within each window around its mean.
    """

    def __init__(self) -> None:
        self._powers: NDArray[np.float64] = np.zeros(1)
        self._cancelled = 0.0

    def add(self, block: NDArray[np.float32]) -> None:
        """Takes further samples into account, of shape (samples, channels)."""
        num_samples, num_channels = block.shape
        if num_channels == 1:
            return
        whole = num_samples // WINDOW_SAMPLES * WINDOW_SAMPLES
        for part, size in ((block[:whole], WINDOW_SAMPLES), (block[whole:], num_samples - whole)):
            if len(part):
                self._add_windows(np.array(part.T, order="C").reshape(num_channels, -1, size))

    def _add_windows(self, windows: NDArray[np.float32]) -> None:
        """Takes windows of shape (channels, windows, samples) into account, and changes them."""
        with np.errstate(invalid="ignore", over="ignore"):  # readers look for what is not finite
            windows -= windows.mean(axis=2, keepdims=True)
            powers = np.einsum("cws,cws->cw", windows, windows)
            of_all = powers.sum(axis=0, dtype=np.float64)
            summed = windows.sum(axis=0)
            of_sum = np.einsum("ws,ws->w", summed, summed)
            self._powers = self._powers + powers.sum(axis=1, dtype=np.float64)
            self._cancelled += float(of_all[of_sum < 10 ** (CANCELLED_DB / 10) * of_all].sum())

    @property
    def fraction(self) -> float:
        """The fraction of the energy that is in cancelled windows, 0 to 1."""
        total = float(self._powers.sum())
        return self._cancelled / total if total else 0.0

    @property
    def channel(self) -> int | None:
        """The loudest channel where the channels cancel each other; None where their mean can be taken."""
        return int(self._powers.argmax()) if self.fraction > MAX_CANCELLED else None

    @property
    def reason(self) -> str:
        """What is wrong, as a clause."""
        return f"its channels cancel each other in {self.fraction:.0%} of its energy"


def _one_of(block: NDArray[np.float32], channel: int | None) -> NDArray[np.float32]:
    return mean(block) if channel is None else np.ascontiguousarray(block[:, channel])


def mean(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean of the channels of a waveform of shape (samples, channels), even where they cancel each other."""
    if channels.shape[1] == 1:
        return channels[:, 0]
    total: NDArray[np.float32] = np.array(channels[:, 0], dtype=np.float32)
    with np.errstate(invalid="ignore"):  # infinite ones of both signs give NaN, which readers look for
        for other in channels.T[1:]:  # numpy's mean over so short an axis takes nine times as long
            total += other
    total /= np.float32(channels.shape[1])
    return total
