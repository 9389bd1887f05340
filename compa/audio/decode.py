"""From a sound file to a mono waveform at the asked sample rate."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import soxr
from numpy.typing import NDArray

from compa.audio.container import is_container, open_container
from compa.audio.sndfile import open_sndfile
from compa.audio.stream import AudioStream
from compa.lines import is_file

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".webm")
"""Names of sound files end so, in any case of letters; the last three need PyAV."""
SAMPLE_RATES = (1_000, 768_000)
"""Slowest and fastest rate of a file, in Hz. Beyond them a header is wrong, and resampling would fill the memory."""
MAX_CHANNELS = 256
"""More than any microphone array has."""

Channels = Literal["mean", "first", "only"]
"""How a file becomes mono: the mean of its channels, its first one, or its only one (more are an error)."""


def read_audio(path: str | Path, sample_rate: int, channels: Channels = "mean") -> NDArray[np.float32]:
    """Decodes a sound file, makes it mono and resamples it.

    Args:
        path: A wav, flac, ogg, opus, mp3, m4a, mp4 or webm file of any rate and number of channels.
        sample_rate: The rate that is wanted, in Hz.
        channels: What becomes of several channels: `mean`, `first`, or `only` (several are refused).

    Returns:
        The waveform, float32 of shape (samples,); full scale is 1.

    Raises:
        ValueError: If the file is missing, cannot be decoded, is cut off, or holds no samples, NaN or infinite ones.
    """
    if channels not in get_args(Channels):
        raise ValueError(f"channels {channels!r} is none of {', '.join(get_args(Channels))}")
    with open_audio(path) as stream:
        if channels == "only" and stream.num_channels != 1:
            raise ValueError(
                f"{path} has {stream.num_channels} channels: give a mono file, or channels 'mean' or 'first'"
            )
        blocks = [block[:, 0] if channels == "first" else to_mono(block) for block in stream.blocks]
    if not blocks:
        raise ValueError(f"{path} holds no samples")
    waveform = np.concatenate(blocks)
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds NaN or infinite samples")
    return resample(waveform, stream.sample_rate, sample_rate)


@contextmanager
def open_audio(path: str | Path) -> Iterator[AudioStream]:
    """Opens a sound file, to be decoded block by block; its content decides on the decoder, not its name.

    Raises:
        ValueError: Naming the file, if it is missing or cannot be decoded; while its blocks are read, too.
    """
    path = Path(path)
    if not is_file(path):
        raise ValueError(f"{path} is no file: give the path of a {_listed(SUFFIXES)} file")
    with ExitStack() as opened:
        with _naming(path):
            if path.stat().st_size == 0:
                raise ValueError("it has 0 bytes")
            stream = opened.enter_context((open_container if is_container(path) else open_sndfile)(path))
            _check_header(stream)
        yield replace(stream, blocks=_named_blocks(stream, path))


def to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Averages the channels of a waveform of shape (samples, channels), however many there are."""
    if channels.ndim != 2:
        raise ValueError(f"a waveform of shape {channels.shape} is not (samples, channels)")
    if channels.shape[1] == 1:
        return channels[:, 0]
    with np.errstate(invalid="ignore"):  # infinite ones of both signs give NaN, which readers look for
        return np.asarray(channels.mean(axis=1, dtype=np.float32))


def resample(waveform: NDArray[np.float32], own_rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Brings a mono waveform of shape (samples,) from its own rate to another one, both in Hz."""
    if own_rate <= 0 or sample_rate <= 0:
        raise ValueError(f"sample rates are positive numbers of Hz, not {own_rate} and {sample_rate}")
    if own_rate == sample_rate:
        return np.ascontiguousarray(waveform, dtype=np.float32)
    return np.asarray(soxr.resample(waveform, own_rate, sample_rate), dtype=np.float32)


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Puts the file's name before what goes wrong while it is decoded."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} cannot be decoded as sound ({error})") from error


def _named_blocks(stream: AudioStream, path: Path) -> Iterator[NDArray[np.float32]]:
    with _naming(path):
        yield from stream.blocks


def _check_header(stream: AudioStream) -> None:
    low, high = SAMPLE_RATES
    if not low <= stream.sample_rate <= high:
        raise ValueError(f"its header says {stream.sample_rate} Hz, and {low} to {high} Hz are legal")
    if not 1 <= stream.num_channels <= MAX_CHANNELS:
        raise ValueError(f"its header says {stream.num_channels} channels, and 1 to {MAX_CHANNELS} are legal")


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
