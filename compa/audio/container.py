"""The sound of m4a, mp4 and webm files, decoded by FFmpeg through PyAV (an extra)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from compa.audio.stream import BLOCK_SAMPLES, AudioStream, check_length

if TYPE_CHECKING:
    from av.audio.stream import AudioStream as AvStream
    from av.container import InputContainer


def is_container(path: Path) -> bool:
    """Whether a file's first bytes are those of MP4 (m4a, mp4, mov) or Matroska (webm, mka); its name is not read."""
    with path.open("rb") as file:
        start = file.read(8)
    return start[4:8] == b"ftyp" or start[:4] == b"\x1aE\xdf\xa3"


@contextmanager
def open_container(path: Path) -> Iterator[AudioStream]:
    """Opens the first sound track of a container.

    Raises:
        ValueError: If PyAV is missing, there is no sound track, or FFmpeg does not know the file.
    """
    try:
        import av
    except ImportError as error:
        raise ValueError("m4a, mp4 and webm need PyAV: pip install 'compa[av]'") from error
    try:
        container = av.open(str(path), mode="r")
    except av.FFmpegError as error:
        raise ValueError(f"FFmpeg: {error.strerror}") from error
    with container:
        if not container.streams.audio:
            raise ValueError("it has no sound track")
        stream = container.streams.audio[0]
        if stream.codec_context is None or not stream.rate or not stream.channels:
            raise ValueError("its sound track cannot be read")
        promised = _promised(container, stream)
        yield AudioStream(stream.rate, stream.channels, _blocks(container, stream, promised), promised)


def _promised(container: InputContainer, stream: AvStream) -> int | None:
    """Samples per channel that the header declares; WebM only has the container's duration, used if audio is alone."""
    if stream.duration and stream.time_base:
        return round(float(stream.duration * stream.time_base) * stream.rate)
    if container.duration and len(container.streams) == 1:
        return round(container.duration / 1e6 * stream.rate)
    return None


def _blocks(container: InputContainer, stream: AvStream, promised: int | None) -> Iterator[NDArray[np.float32]]:
    import av

    resampler = av.AudioResampler(format="fltp", layout=stream.layout, rate=stream.rate)
    waiting: list[NDArray[np.float32]] = []
    num_waiting = num_samples = 0
    try:
        for frame in container.decode(stream):
            for planar in resampler.resample(frame):
                waiting.append(np.asarray(planar.to_ndarray().T, dtype=np.float32))
                num_waiting += planar.samples
            if num_waiting * stream.channels >= BLOCK_SAMPLES:
                yield np.concatenate(waiting)
                num_samples, num_waiting, waiting = num_samples + num_waiting, 0, []
    except av.FFmpegError as error:
        raise ValueError(f"FFmpeg after {num_samples / stream.rate:.2f} s: {error.strerror}") from error
    if waiting:
        yield np.concatenate(waiting)
    check_length(num_samples + num_waiting, promised, stream.rate)
