"""Models that cannot read or hear: the result, the terminal and the report say so."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.checks.degenerate import (
    AUDIO_EMBEDDED_ALIKE,
    AUDIO_SCORED_ALIKE,
    TEXTS_EMBEDDED_ALIKE,
    TEXTS_SCORED_ALIKE,
    embedded_alike,
    scored_alike,
)
from benchmarks.items import Audio
from tests.benchmarks.conftest import CountingEmbedder, bench


class CannotRead(CountingEmbedder):
    """All texts as one, but for rounding."""

    fingerprint = "cannot read"

    def embed_text(self, texts: Sequence[str]) -> Any:
        rows = np.tile(self._row("the same"), (len(texts), 1))
        return rows + np.random.default_rng(len(texts)).normal(size=rows.shape) * 1e-6


class CannotHear(CountingEmbedder):
    """All audio as zeros."""

    def embed_audio(self, audio: Sequence[Audio]) -> Any:
        return np.zeros((len(audio), self.dimensions))


class ScoresText:
    def score(self, groups: Any) -> Any:
        return [[[float(hash(text)) for text in texts] for _ in audios] for audios, texts in groups]


def run(model: str, out: str = "results") -> int:
    words = ["run", "--task", "scenes-order", "--out", out, "--model", model]
    return bench(words)


def warnings_of(model: str) -> list[str]:
    record = json.loads(Path("results", f"{model.replace(':', '~')}--scenes-order.json").read_text(encoding="utf-8"))
    return list(record["data"].get("warnings", []))


@pytest.mark.usefixtures("short_tasks")
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("CannotRead", [TEXTS_EMBEDDED_ALIKE]),
        ("CannotHear", [AUDIO_EMBEDDED_ALIKE]),
        ("ScoresText", [AUDIO_SCORED_ALIKE]),
        ("CountingEmbedder", []),
    ],
)
def test_results_and_the_terminal_say_so(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    expected: list[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    model = f"python:tests.benchmarks.checks.test_degenerate:{name}"
    assert run(model) == 0
    assert warnings_of(model) == expected
    errors = capsys.readouterr().err
    assert all(f"warning: {model} in scenes-order: {sentence}" in errors for sentence in expected)
    assert errors.count("warning: ") == len(expected)


@pytest.mark.usefixtures("short_tasks")
def test_a_run_folder_that_cannot_read_is_kept_with_its_warning_and_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("benchmarks.models.compa_model.load", lambda *_: CannotRead())
    Path("mine").mkdir()
    for verb in ("wrote", "kept"):
        assert run("mine") == 0
        errors = capsys.readouterr().err
        assert f"{verb} " in errors
        assert f"warning: mine in scenes-order: {TEXTS_EMBEDDED_ALIKE}" in errors
    assert bench(["report", "results", "--out", "report.html"]) == 0
    assert TEXTS_EMBEDDED_ALIKE in Path("report.html").read_text(encoding="utf-8")


@pytest.mark.usefixtures("short_tasks")
def test_controls_are_meant_to_be_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for control in ("constant", "text-only", "audio-only"):
        assert run(f"control:{control}") == 0
        assert warnings_of(f"control:{control}") == []
    assert "warning" not in capsys.readouterr().err


def test_embeddings_that_differ_are_no_finding() -> None:
    rng = np.random.default_rng(0)
    different = rng.normal(size=(5, 64)).astype(np.float32)
    similar = (different[0] + 0.05 * rng.normal(size=(5, 64))).astype(np.float32)
    assert embedded_alike(different, similar) == []
    assert embedded_alike(different[:1], similar[:1]) == []  # of one text nothing can be said
    half = np.repeat(different[:1], 5, axis=0).astype(np.float16).astype(np.float32)
    assert embedded_alike(half, half) == [TEXTS_EMBEDDED_ALIKE, AUDIO_EMBEDDED_ALIKE]


def test_scores_that_differ_somewhere_are_no_finding() -> None:
    alike, different = np.ones((2, 2)), np.array([[1.0, 2.0], [3.0, 4.0]])
    assert scored_alike([alike, alike]) == [TEXTS_SCORED_ALIKE, AUDIO_SCORED_ALIKE]
    assert scored_alike([alike, different]) == []
    assert scored_alike([np.ones((1, 3))]) == [TEXTS_SCORED_ALIKE]
    assert scored_alike([]) == []
