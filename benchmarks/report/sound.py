"""Sounds that play in a page: mono, small, and in a format that every browser knows."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.items import Audio
from compa.audio.decode import open_audio, read_audio, resample

MAX_SECONDS = 30.0
_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
_OTHER_RATE = 32000
_COMPRESSION = 0.6  # of libsndfile's 0 (largest) to 1 (smallest)
_FORMAT = "MP3" if "MP3" in soundfile.available_formats() else "FLAC"
MEDIA_TYPE = {"MP3": "audio/mpeg", "FLAC": "audio/flac"}[_FORMAT]


def waveforms_of(audios: Sequence[Audio]) -> tuple[list[NDArray[np.float32]], int]:
    """Mono waveforms of at most `MAX_SECONDS` and their sample rate, which is the first one's if MP3 has it.

    Raises:
        ValueError: If a file cannot be read.
    """
    own_rate = _own_rate(audios[0])
    rate = own_rate if own_rate in _RATES else _OTHER_RATE
    return [_waveform(audio, rate)[: int(MAX_SECONDS * rate)] for audio in audios], rate


def encoded(waveform: NDArray[np.float32], sample_rate: int) -> bytes:
    """The content of a sound file of the type `MEDIA_TYPE`; FLAC where libsndfile was built without MP3."""
    file = io.BytesIO()
    peak = float(np.abs(waveform).max(initial=1.0))  # what exceeds full scale would be clipped
    soundfile.write(file, waveform / peak, sample_rate, format=_FORMAT, compression_level=_COMPRESSION)
    return file.getvalue()


def _own_rate(audio: Audio) -> int:
    if isinstance(audio, tuple):
        return audio[1]
    with open_audio(audio) as stream:
        return stream.sample_rate


def _waveform(audio: Audio, rate: int) -> NDArray[np.float32]:
    if not isinstance(audio, tuple):
        return read_audio(audio, rate)
    waveform, own_rate = audio
    return waveform if own_rate == rate else resample(waveform, own_rate, rate)
