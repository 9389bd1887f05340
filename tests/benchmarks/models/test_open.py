from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.controls import controls
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.names import model_name
from benchmarks.models.open import Model, open_scorer
from benchmarks.scorer import AudioFrames, Scorer
from tests.benchmarks.conftest import CountingEmbedder, noise
from tests.benchmarks.models.test_embedding import clap, run

__all__ = ["clap", "run"]


def test_models_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []

    def load(name: str, *_: Any) -> CountingEmbedder:
        loaded.append(name)
        return CountingEmbedder()

    monkeypatch.setattr("benchmarks.models.compa_model.load", load)
    run = tmp_path / "my-run"
    (run / "checkpoints").mkdir(parents=True)
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.touch()
    (run / "heldout.json").write_text("{}")
    assert isinstance(open_scorer(str(run)), EmbeddingScorer)
    assert isinstance(open_scorer(str(checkpoint)), EmbeddingScorer)
    assert loaded == [str(run), str(checkpoint)]
    assert model_name(str(run)) == "my-run"
    assert model_name(f"{run}/") == "my-run"
    assert model_name(str(run / "checkpoints" / "..")) == "my-run"
    assert model_name(str(checkpoint)) == "my-run@last"
    assert model_name("control:random") == "control:random"
    assert model_name("python:mine:make") == "python:mine:make"
    assert isinstance(open_scorer(f"hf:{run}"), EmbeddingScorer)
    assert loaded[-1] == f"hf:{run}"
    assert model_name(f"hf:{run}") == "hf:my-run"
    assert model_name("hf:laion/clap-htsat-unfused") == "hf:laion/clap-htsat-unfused"


def test_unknown_models_get_the_nearest_and_the_legal_names(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'control:random'") as caught:
        open_scorer("control:randon")
    assert all(f"control:{name}" in str(caught.value) for name in controls())
    with pytest.raises(ValueError, match=r"'constant'; did you mean 'control:constant'.*run folder.*python:"):
        open_scorer("constant")
    (tmp_path / "vanilla").mkdir()
    with pytest.raises(ValueError, match=r"did you mean '.*vanilla'"):
        open_scorer(str(tmp_path / "vanila"))


OWN = """
class Scores:
    def score(self, groups): return []
def nothing(): return 3
ready = 7
"""


def test_models_of_ones_own_that_cannot_be_used_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_models.py").write_text(OWN)
    for name, message in {
        "python:own_models": "must be named python:MODULE:FACTORY",
        "python:no_such_module:make": "there is no module 'no_such_module'",
        "python:own_models:scores": "has no function 'scores'; did you mean 'Scores'?",
        "python:own_models:ready": "has no function 'ready'",
        "python:own_models:nothing": "got int",
    }.items():
        with pytest.raises(ValueError, match=re.escape(message)):
            open_scorer(name)
    assert open_scorer("python:own_models:Scores").score([]) == []
    assert str(tmp_path) not in sys.path


def test_a_run_folder_is_opened_as_frames_too(run: Path) -> None:
    model = Model(str(run))
    frames = model.opened_as(AudioFrames)
    assert isinstance(frames, AudioFrames)
    assert model.opened_as(AudioFrames) is frames
    (short, long) = frames.frames([noise(0, 8000), noise(1, 32000)])
    assert short.shape[0] == long.shape[0] == frames.num_layers > 1
    assert long.shape[1] * frames.frame_seconds == pytest.approx(2.0, abs=frames.frame_seconds)
    assert isinstance(model.opened_as(Scorer), EmbeddingScorer)
