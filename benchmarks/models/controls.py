"""Controls: scorers by rule that know nothing of composition. A new one: a class, a line in `CONTROLS`.

One that has a method `tell` is told the items before it is asked about them (`benchmarks.scorer.Told`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Audio, Group, Scores, same
from benchmarks.models.audio_inputs import map_ahead, num_processors
from benchmarks.models.bag_of_events import BagOfEvents
from benchmarks.models.text_only import TextOnly
from benchmarks.scorer import Scorer

SAMPLE_RATE = 16000
"""Rate in Hz at which controls hear files."""


class Constant:
    """Says the same of everything: all ties, so 0 on every pair metric."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """All zeros; see `Scorer`."""
        return [np.zeros((len(audios), len(texts))) for audios, texts in groups]


class Random:
    """Draws every score: what chance gives.

    Args:
        seed: Of the draws; the same questions get the same scores.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Uniform in [0, 1); see `Scorer`."""
        texts = "\x1f".join(text for _, texts in groups for text in texts)  # so that tasks get different draws
        digest = hashlib.blake2b(texts.encode(), digest_size=8).digest()
        rng = np.random.default_rng([self.seed, int.from_bytes(digest, "big")])
        return [rng.random((len(audios), len(texts))) for audios, texts in groups]


class AudioOnly:
    """Prefers the louder, longer and brighter audio, never reads the text: 0 on pairs."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Equal columns; see `Scorer`."""
        audios = {same(audio): audio for audios, _ in groups for audio in audios}
        heard = map_ahead(_audio_preference, audios.values(), 2 * num_processors())
        preferences = dict(zip(audios, heard, strict=True))
        return [
            np.tile(np.reshape([preferences[same(audio)] for audio in audios], (-1, 1)), (1, len(texts)))
            for audios, texts in groups
        ]


CONTROLS: dict[str, Callable[[int], Scorer]] = {
    "constant": lambda _: Constant(),
    "random": Random,
    "text-only": lambda _: TextOnly(),
    "audio-only": lambda _: AudioOnly(),
    "bag-of-events": lambda _: BagOfEvents(),
}
"""How to make each control, given a seed."""


def _audio_preference(audio: Audio) -> float:
    """Level in dB, plus length in seconds, plus the centroid of the power spectrum in kHz."""
    waveform, sample_rate = _read(audio)
    if not waveform.size:
        return -200.0  # below any silence
    power = float(np.mean(np.square(waveform, dtype=np.float64)))
    spectrum = np.square(np.abs(np.fft.rfft(waveform)))
    centroid = float(spectrum @ np.fft.rfftfreq(len(waveform), 1 / sample_rate) / (spectrum.sum() + 1e-12))
    return 10 * float(np.log10(power + 1e-12)) + len(waveform) / sample_rate + centroid / 1000


def _read(audio: Audio) -> tuple[NDArray[np.float32], int]:
    if not isinstance(audio, Path):
        return audio
    from compa.audio.decode import read_audio

    return read_audio(audio, SAMPLE_RATE), SAMPLE_RATE
