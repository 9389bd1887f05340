"""`control:audio-only` prefers the louder, longer and brighter audio and ignores the text."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.items import Audio, Group, Scores, audio_key
from compa.utils.parallel import map_threads

SAMPLE_RATE = 16000
"""The rate in Hz at which files are decoded."""


class AudioOnly:
    """Scores audio alone, so the score is 0 on pairs."""

    def __init__(self, seed: int = 0) -> None: ...

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Returns arrays of equal columns; see `Scorer`."""
        audios = {audio_key(audio): audio for audios, _ in groups for audio in audios}
        preferences = dict(zip(audios, map_threads(_preference, audios.values()), strict=True))
        return [
            np.tile(np.reshape([preferences[audio_key(audio)] for audio in audios], (-1, 1)), (1, len(texts)))
            for audios, texts in groups
        ]


def _preference(audio: Audio) -> float:
    """Level in dB, plus length in seconds, plus the centroid of the power spectrum in kHz."""
    if isinstance(audio, Path):
        from compa.audio.decode import read_audio

        waveform, sample_rate = read_audio(audio, SAMPLE_RATE), SAMPLE_RATE
    else:
        waveform, sample_rate = audio
    if not waveform.size:
        return -200.0  # below any silence
    power = float(np.mean(np.square(waveform, dtype=np.float64)))
    spectrum = np.square(np.abs(np.fft.rfft(waveform)))
    centroid = float(spectrum @ np.fft.rfftfreq(len(waveform), 1 / sample_rate) / (spectrum.sum() + 1e-12))
    return 10 * float(np.log10(power + 1e-12)) + len(waveform) / sample_rate + centroid / 1000
