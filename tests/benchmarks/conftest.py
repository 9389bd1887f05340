from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.scorer import Audio, Group, Scores
from benchmarks.tasks import Material, TestSet, find_task
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank


class CountingEmbedder:
    """Embeds by content alone, and counts what it is given."""

    def __init__(self, dimensions: int = 8) -> None:
        self.dimensions = dimensions
        self.audio: list[Audio] = []
        self.texts: list[str] = []
        self.batch_sizes: list[int] = []

    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        self.audio += audio
        self.batch_sizes.append(len(audio))
        return np.stack([self._row(str(one) if isinstance(one, Path) else one[0].tobytes()) for one in audio])

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.texts += texts
        self.batch_sizes.append(len(texts))
        return np.stack([self._row(text) for text in texts])

    def _row(self, content: str | bytes) -> NDArray[np.float32]:
        content = content.encode() if isinstance(content, str) else content
        rng = np.random.default_rng([*content[:64], len(content)])
        row = rng.normal(size=self.dimensions).astype(np.float32)
        return row / np.float32(np.linalg.norm(row))


class Skilled:
    """Adds a bonus to the diagonal: a model that is right as often as the bonus is large."""

    def __init__(self, bonus: float, seed: int = 0) -> None:
        self.bonus = bonus
        self.seed = seed

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        rng = np.random.default_rng(self.seed)
        return [rng.normal(size=(len(a), len(t))) + self.bonus * np.eye(len(a), len(t)) for a, t in groups]


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keeps what tests embed out of the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def bank() -> EventBank:
    return open_bank(None)


@pytest.fixture(scope="session")
def few(bank: EventBank) -> TestSet:
    """The first 12 items of scenes-order."""
    return find_task("scenes-order").prepare(Material(bank), limit=12)


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()
