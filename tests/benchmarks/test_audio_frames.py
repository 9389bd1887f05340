"""A task that needs `AudioFrames`, planted from outside: neither runner, results nor commands know of it."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest

import benchmarks.tasks
from benchmarks.results.validate import flaws
from tests.benchmarks.conftest import bench
from tests.compa.scenes.sound_files import beep, write

MODEL = """
    import numpy as np
    import soundfile

    class Levels:
        num_layers, frame_seconds, fingerprint = 2, 0.1, "levels 1"

        def frames(self, audio):
            return [self._frames(soundfile.read(path, dtype="float32")) for path in audio]

        def _frames(self, read):
            waveform, rate = read
            size = int(rate * self.frame_seconds)
            windows = waveform[: len(waveform) // size * size].reshape(-1, size)
            spectra = np.abs(np.fft.rfft(windows))[:, :40]
            return np.stack([spectra, np.log1p(spectra)])

    class Both(Levels):
        def score(self, groups):
            return [np.random.default_rng(0).random((len(audios), len(texts))) for audios, texts in groups]
"""
TASK = """
    import dataclasses
    import numpy as np
    from benchmarks.metrics import interval
    from benchmarks.results.result import metric
    from benchmarks.scorer import AudioFrames
    from benchmarks.tasks.labelled import labelled_items
    from benchmarks.tasks.task import TestSet

    class Probe:
        name, version = "planted-probe", 1
        measures, needs = "Nearest neighbor by mean frames", "--data DIR"
        needs_model = AudioFrames

        def prepare(self, inputs, limit=None):
            given = labelled_items(inputs.data, None, limit)
            return TestSet(given.items, given.data)

        def run(self, model, name, test_set, seed):
            frames = model.frames([item.audio[0] for item in test_set.items])
            assert all(one.shape[0] == model.num_layers for one in frames)
            means = np.stack([one[-1].mean(axis=0) for one in frames])
            distances = np.linalg.norm(means[:, None] - means, axis=2)
            np.fill_diagonal(distances, np.inf)
            labels = [item.labels[0] for item in test_set.items]
            won = [labels[near] == label for near, label in zip(distances.argmin(axis=1), labels)]
            sources = [item.sources for item in test_set.items]
            metrics = {"accuracy": metric(np.mean(won), interval(won, sources), 1 / 3)}
            items = [{"id": item.id, "correct": {"accuracy": bool(one)}} for item, one in zip(test_set.items, won)]
            return test_set.result(self, name, seed, metrics, items)

    TASK = Probe()
"""


@pytest.fixture
def planted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The current folder, with models in `frame_models.py` and a task in a folder that discovery searches."""
    (tmp_path / "frame_models.py").write_text(textwrap.dedent(MODEL))
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "planted_probe.py").write_text(textwrap.dedent(TASK))
    monkeypatch.setattr(benchmarks.tasks, "__path__", [*benchmarks.tasks.__path__, str(tmp_path / "tasks")])
    monkeypatch.chdir(tmp_path)
    benchmarks.tasks._registry.cache_clear()
    for label, hz in (("low", 60), ("middle", 160), ("high", 300)):
        for number in range(6):
            write(tmp_path / "sounds" / label / f"{number}.wav", beep(hz=hz + number))
    yield tmp_path / "sounds"
    monkeypatch.undo()
    benchmarks.tasks._registry.cache_clear()
    for module in ("benchmarks.tasks.planted_probe", "frame_models"):
        sys.modules.pop(module, None)


def test_each_model_is_opened_as_what_the_task_needs(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench(["list"]) == 0
    assert "planted-probe (version 1)" in capsys.readouterr().out
    command = ["run", "--task", "planted-probe", "--data", str(planted), "--out", "results"]
    models = ["python:frame_models:Levels", "python:frame_models:Both", "control:random"]
    assert bench([*command, *(word for model in models for word in ("--model", model))]) == 1
    printed = capsys.readouterr()
    (failure,) = [line for line in printed.err.splitlines() if "failed" in line]
    assert "planted-probe of control:random failed: planted-probe needs a model that implements AudioFrames" in failure
    assert "control:random cannot be used as AudioFrames, only as Scorer" in failure
    paths = sorted(Path("results").iterdir())
    assert [path.name.split("--")[0] for path in paths] == [
        "python~frame_models~Both",
        "python~frame_models~Levels",
    ]
    for path in paths:
        assert flaws(path) == []
        record = json.loads(path.read_text(encoding="utf-8"))
        assert record["metrics"]["accuracy"]["value"] > 0.6
        assert record["run"]["model_fingerprint"] == "levels 1"
    assert "accuracy" in printed.out
    assert bench([*command, "--model", models[0]]) == 0
    assert "kept" in capsys.readouterr().err


def test_one_model_may_serve_several_protocols(planted: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = ["--task", "planted-probe", "--task", "zero-shot"]
    command = ["run", *tasks, "--data", str(planted), "--out", "results", "--model"]
    assert bench([*command, "python:frame_models:Both"]) == 0
    capsys.readouterr()
    assert bench([*command, "python:frame_models:Levels"]) == 1
    assert "python:frame_models:Levels cannot be used as Scorer, only as AudioFrames" in capsys.readouterr().err
