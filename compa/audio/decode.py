"""From a sound file to a mono waveform at any sample rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import soxr
from numpy.typing import NDArray

from compa.audio.container import is_container, open_container
from compa.audio.files import SUFFIXES
from compa.audio.mono import mixed
from compa.audio.sndfile import open_sndfile
from compa.audio.stream import AudioStream
from compa.utils.files import is_file

SAMPLE_RATES = (1_000, 768_000)
"""Lowest and highest rate of a file, in Hz. Beyond them a header is wrong, and resampling would fill the memory."""
MAX_CHANNELS = 256
"""More than any microphone array has."""
RESAMPLING = "HQ"
"""Soxr's setting: from 44.1 to 16 kHz a tone gets an error of -133 dB. `MQ`, with -111 dB, attenuates above 18 kHz from
44.1 to 48 kHz, and is not faster there."""

MIN_SECONDS = 0.1
"""A shorter file is refused wherever a whole file is read, and `compa data verify` lists it.

What is in so short a sound can hardly be said: a linear classifier on means and deviations of log-mel bands, trained on
0.2 s and more of ESC-10, recognises 0.73 of the clips by their loudest 1 s, 0.55 by 0.1 s, 0.35 by 0.025 s, and 0.13 by
0.01 s, where chance is 0.10.
"""

Channels = Literal["mean", "first", "only"]
"""How a file becomes mono: the mean of its channels (or the loudest one where they cancel each other), its first one,
or its only one (more are an error)."""


def read_audio(path: str | Path, sample_rate: int, channels: Channels = "mean") -> NDArray[np.float32]:
    """Decodes a sound file, makes it mono and resamples it.

    Args:
        path: A wav, flac, ogg, opus, mp3, m4a, mp4 or webm file of any rate and number of channels.
        sample_rate: Rate of the result, in Hz.
        channels: What becomes of several channels: `mean`, `first`, or `only` (several are refused).

    Returns:
        The waveform, float32 of shape (samples,); full scale is 1.

    Raises:
        ValueError: If the file is missing, cannot be decoded, is cut off, is shorter than `MIN_SECONDS`, or holds NaN
            or infinite samples.
    """
    return _joined(audio_blocks(path, sample_rate, channels))


def audio_blocks(path: str | Path, sample_rate: int, channels: Channels = "mean") -> Iterator[NDArray[np.float32]]:
    """Decodes a sound file as `read_audio` does, block by block: memory stays bounded however long the file is.

    Yields:
        The waveform in parts of some seconds, float32 of shape (samples,), which together are what `read_audio` gives.

    Raises:
        ValueError: As `read_audio`, as soon as what is wrong was met.
    """
    if channels not in get_args(Channels):
        raise ValueError(f"channels must be one of {', '.join(get_args(Channels))}; got {channels!r}")
    with open_audio(path) as stream:
        if channels == "only" and stream.num_channels != 1:
            raise ValueError(
                f"{path} has {stream.num_channels} channels: give a mono file, or channels 'mean' or 'first'"
            )
        yield from _resampled(_mono(stream.blocks, channels, stream.sample_rate, path), stream.sample_rate, sample_rate)


@contextmanager
def open_audio(path: str | Path) -> Iterator[AudioStream]:
    """Opens a sound file, to be decoded block by block; its content decides on the decoder, not its name.

    Raises:
        ValueError: Naming the file, if it is missing or cannot be decoded; while its blocks are read, too.
    """
    path = Path(path)
    if not is_file(path):
        raise ValueError(f"{path} is not a file: give the path of a {_listed(SUFFIXES)} file")
    with ExitStack() as opened:
        with _naming(path):
            if path.stat().st_size == 0:
                raise ValueError("it has 0 bytes")
            stream = opened.enter_context((open_container if is_container(path) else open_sndfile)(path))
            _check_header(stream)
        yield replace(stream, blocks=_named_blocks(stream, path))


def to_mono(channels: NDArray[np.float32], name: object = "a sound") -> NDArray[np.float32]:
    """Mixes a waveform of shape (samples, channels) to (samples,): their mean, or the loudest where they cancel.

    Every reader of sound here agrees on what `compa.audio.mono` calls cancelled; where that is so, a `ChannelsCancel`
    warning names the sound.
    """
    if channels.ndim != 2:
        raise ValueError(f"a waveform must be of shape (samples, channels); got {channels.shape}")
    return _joined(mixed([channels], name))


def resample(waveform: NDArray[np.float32], own_rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Resamples a mono waveform of shape (samples,) from its own rate to another one, both in Hz."""
    return _joined(_resampled(iter([waveform]), own_rate, sample_rate))


def _resampled(blocks: Iterator[NDArray[np.float32]], own_rate: int, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    """Resamples a waveform block by block; how it is cut into blocks changes no bit."""
    if own_rate <= 0 or sample_rate <= 0:
        raise ValueError(f"sample rates must be positive numbers of Hz; got {own_rate} and {sample_rate}")
    if own_rate == sample_rate:
        yield from (np.ascontiguousarray(block, dtype=np.float32) for block in blocks)
        return
    stream = soxr.ResampleStream(own_rate, sample_rate, 1, dtype="float32", quality=RESAMPLING)
    for block in blocks:
        yield stream.resample_chunk(np.ascontiguousarray(block, dtype=np.float32))
    yield stream.resample_chunk(np.zeros(0, dtype=np.float32), last=True)


def _mono(
    blocks: Iterator[NDArray[np.float32]], channels: Channels, sample_rate: int, path: str | Path
) -> Iterator[NDArray[np.float32]]:
    num_samples = 0
    for waveform in (block[:, 0] for block in blocks) if channels == "first" else mixed(blocks, path):
        if not np.isfinite(waveform).all():
            raise ValueError(f"{path} holds NaN or infinite samples")
        num_samples += len(waveform)
        yield waveform
    if not num_samples:
        raise ValueError(f"{path} holds no samples")
    if num_samples < MIN_SECONDS * sample_rate:
        seconds = round(num_samples / sample_rate, 4)
        raise ValueError(f"{path} is too short ({seconds:g} s, at least {MIN_SECONDS:g} s are needed)")


def in_windows(blocks: Iterable[NDArray[np.float32]], num_samples: int) -> Iterator[NDArray[np.float32]]:
    """Cuts a waveform that comes in blocks into windows of so many samples; the last one holds what is left."""
    waiting: list[NDArray[np.float32]] = []
    missing = num_samples
    for block in blocks:
        while len(block) >= missing:
            yield _joined([*waiting, block[:missing]])
            waiting, block, missing = [], block[missing:], num_samples
        waiting.append(block)
        missing -= len(block)
    if missing < num_samples:
        yield _joined(waiting)


def _joined(blocks: Iterable[NDArray[np.float32]]) -> NDArray[np.float32]:
    parts = [block for block in blocks if len(block)] or [np.zeros(0, dtype=np.float32)]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


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
