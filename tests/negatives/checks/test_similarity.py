from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from compa.manifest import Clip, Negative
from negatives.checks.similarity import Rows, SimilarityFilter

ANGLES = {"caption": 0.0, "near": 0.3, "far": 2.0, "a.wav": -0.2, "b.wav": 0.5}


class Angles:
    """Embeds every name on the unit circle."""

    def embed_text(self, texts: Sequence[str]) -> Rows:
        return self._rows(texts)

    def embed_audio(self, audio: Sequence[Path]) -> Rows:
        assert all(path.parent == Path("folder") for path in audio)
        return self._rows([path.name for path in audio])

    def _rows(self, names: Sequence[str]) -> Rows:
        return np.array([[np.cos(ANGLES[name]), np.sin(ANGLES[name])] for name in names], np.float32)


def clip(audio: str | None) -> Clip:
    negatives = (Negative("near", "order", of=0), Negative("far", "order", of=0), Negative("near", "order"))
    return Clip("x", audio, ("caption",), negatives=negatives)


def test_too_easy_and_too_true() -> None:
    judge = SimilarityFilter(Angles(), Path("folder"), min_similarity=0.5, margin=0.05)
    assert judge([clip("a.wav"), clip(None)]) == [[None, "model: too easy", None]] * 2
    [reasons] = judge([Clip("y", "b.wav", ("caption",), negatives=(Negative("near", "order", of=0),))])
    assert reasons == ["model: fits the sound"]  # cos 0.2 = 0.980 against cos 0.5 = 0.878
    lenient = SimilarityFilter(Angles(), None, min_similarity=-1)
    assert lenient([clip("b.wav")]) == [[None, None, None]]
    assert lenient([]) == []
