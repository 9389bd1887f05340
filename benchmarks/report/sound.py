"""Sounds for the page: mono, compressed, in a format that every browser plays."""

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
_COMPRESSION = 0.6  # libsndfile's scale: 0 is the largest file, 1 the smallest
_FORMAT = "MP3" if "MP3" in soundfile.available_formats() else "FLAC"
MEDIA_TYPE = {"MP3": "audio/mpeg", "FLAC": "audio/flac"}[_FORMAT]


def read_waveforms(audios: Sequence[Audio]) -> tuple[list[NDArray[np.float32]], int]:
    """Reads sounds as mono waveforms of at most `MAX_SECONDS` at one sample rate, the first sound's if MP3 supports it.

    Raises:
        ValueError: If a file cannot be read.
    """
    file_rate = _sample_rate(audios[0])
    rate = file_rate if file_rate in _RATES else _OTHER_RATE
    return [_waveform(audio, rate)[: int(MAX_SECONDS * rate)] for audio in audios], rate


def encode(waveform: NDArray[np.float32], sample_rate: int) -> bytes:
    """Encodes a waveform as a file of type `MEDIA_TYPE`: MP3, or FLAC where libsndfile was built without MP3."""
    file = io.BytesIO()
    peak = float(np.abs(waveform).max(initial=1.0))  # a waveform beyond full scale is scaled down rather than clipped
    soundfile.write(file, waveform / peak, sample_rate, format=_FORMAT, compression_level=_COMPRESSION)
    return file.getvalue()


def _sample_rate(audio: Audio) -> int:
    if isinstance(audio, tuple):
        return audio[1]
    with open_audio(audio) as stream:
        return stream.sample_rate


def _waveform(audio: Audio, rate: int) -> NDArray[np.float32]:
    if not isinstance(audio, tuple):
        return read_audio(audio, rate)
    waveform, file_rate = audio
    return waveform if file_rate == rate else resample(waveform, file_rate, rate)
