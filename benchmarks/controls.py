"""Controls: scorers by rule that know nothing of composition. A new one: a class, a line in `CONTROLS`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.scorer import Audio, Group, Scorer, Scores


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


class TextOnly:
    """Prefers the longer caption, hears nothing: 0 on pairs, more where captions give themselves away."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Equal rows; see `Scorer`."""
        return [np.tile([_text_preference(text) for text in texts], (len(audios), 1)) for audios, texts in groups]


class AudioOnly:
    """Prefers the louder and longer audio, never reads the text: 0 on pairs."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Equal columns; see `Scorer`."""
        return [
            np.tile(np.reshape([_audio_preference(audio) for audio in audios], (-1, 1)), (1, len(texts)))
            for audios, texts in groups
        ]


CONTROLS: dict[str, Callable[[int], Scorer]] = {
    "constant": lambda _: Constant(),
    "random": Random,
    "text-only": lambda _: TextOnly(),
    "audio-only": lambda _: AudioOnly(),
}
"""How to make each control, given a seed."""


def _text_preference(text: str) -> float:
    """Length in characters; between captions of one length a hash decides, so that only equal ones tie."""
    digest = hashlib.blake2b(text.encode(), digest_size=6).digest()
    return len(text) + int.from_bytes(digest, "big") / 2**48


def _audio_preference(audio: Audio) -> float:
    """Level in dB plus length in seconds."""
    waveform, sample_rate = _read(audio)
    power = float(np.mean(np.square(waveform, dtype=np.float64))) if waveform.size else 0.0
    return 10 * float(np.log10(power + 1e-12)) + len(waveform) / sample_rate


def _read(audio: Audio) -> tuple[NDArray[np.float32], int]:
    if not isinstance(audio, Path):
        return audio
    import soundfile

    waveform, sample_rate = soundfile.read(audio, dtype="float32")
    return waveform, int(sample_rate)
