from __future__ import annotations

import hashlib
import importlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import benchmarks.tasks
from benchmarks.items import Audio, Group, Scores
from benchmarks.results.result import Result
from benchmarks.results.schema import Metric
from benchmarks.tasks import find_task, tasks
from benchmarks.tasks.scenes import RenderedPairs
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.cli import COMMANDS
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank

METRIC: Metric = {"value": 0.5, "low": 0.4, "high": 0.6, "chance": 0.25, "method": "Wilson"}


def result(**changes: Any) -> Result:
    values: dict[str, Any] = {
        "model": "m",
        "task": "scenes-order",
        "task_version": 2,
        "data": {"name": "built-in", "fingerprint": "f", "found": 1, "expected": 1},
        "seed": 0,
        "code_version": "0",
        "metrics": {name: dict(METRIC) for name in ("text", "audio", "group", "ties")},
        "items": [{"id": "i", "captions": ["ä", "b"]}],
    }
    return Result(**(values | changes))


def noise(seed: int, samples: int = 100) -> tuple[Any, int]:
    return np.random.default_rng(seed).normal(size=samples).astype(np.float32), 16000


def bench(words: Sequence[str]) -> int:
    """Runs a `compa bench` command in this process and lets errors through."""
    return int(importlib.import_module(COMMANDS[f"bench {words[0]}"][0]).main(words[1:]))


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
        rng = np.random.default_rng([*hashlib.sha256(content).digest()])
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
    return find_task("scenes-order").prepare(TaskInputs(bank), limit=12)


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def short_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tasks of rendered pairs with 6 items, so that running them takes no time."""
    short = {name: replace(task, expected=6) for name, task in tasks().items() if isinstance(task, RenderedPairs)}
    monkeypatch.setattr(benchmarks.tasks, "_registry", lambda: short)
