"""Both ways between MTEB and us, with MTEB's own task and model classes and no download."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import numpy as np
import pytest

pytest.importorskip("mteb", reason="needs the extra mteb")

import mteb
from datasets import Dataset, DatasetDict
from mteb.abstasks import AbsTaskZeroShotClassification
from mteb.abstasks.task_metadata import TaskMetadata

import compa
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.embedding_cache import EmbeddingCache
from benchmarks.models.mteb import SAMPLE_RATE, CompaEncoder, MTEBEmbedder
from benchmarks.runner import run as measure
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.models.test_embedding import clap, run

__all__ = ["clap", "run"]

RATE = 16000
LABELS = ["low tone", "high tone"]


def tone(hertz: float) -> Any:
    return np.sin(2 * np.pi * hertz * np.arange(RATE // 4) / RATE).astype(np.float32)


class Tones(AbsTaskZeroShotClassification):  # type: ignore[misc]
    """A task of MTEB whose sounds are made here."""

    metadata = TaskMetadata(
        name="Tones",
        description="Low or high.",
        type="AudioZeroshotClassification",
        category="a2t",
        modalities=["audio", "text"],
        eval_langs=["eng-Latn"],
        main_score="accuracy",
        dataset={"path": "none/none", "revision": "1"},
    )
    input_column_name = "audio"

    def load_data(self, **_: Any) -> None:
        tones = [{"array": tone(200 if number % 2 == 0 else 3000), "sampling_rate": RATE} for number in range(6)]
        labels = [number % 2 for number in range(6)]
        self.dataset = DatasetDict({"test": Dataset.from_dict({"audio": tones, "label": labels})})
        self.data_loaded = True

    def get_candidate_labels(self) -> list[str]:
        return LABELS


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")  # the model guesses one label
def test_a_model_of_ours_runs_in_a_task_of_mteb(run: Path) -> None:
    encoder = CompaEncoder(str(run))
    result = mteb.evaluate(encoder, Tones(), cache=None, show_progress_bar=False)
    (scores,) = result.task_results[0].scores["test"]
    model = compa.load(str(run))
    guesses = model.similarity([(tone(hertz), RATE) for hertz in (200, 3000)], LABELS).argmax(axis=1)
    assert scores["accuracy"] == np.mean(guesses == [0, 1])
    assert encoder.mteb_model_meta.name == "compa/run"


def test_a_model_of_mteb_runs_in_a_task_of_ours(tmp_path: Path, run: Path, bank: EventBank, few: TestSet) -> None:
    embedder = MTEBEmbedder(CompaEncoder(str(run)))
    scorer = EmbeddingScorer(embedder, cache=EmbeddingCache(tmp_path))
    through, direct = (
        measure(one, name, "scenes-order", TaskInputs(bank), tmp_path / name, 0, few).result
        for one, name in ((scorer, "through"), (EmbeddingScorer(compa.load(str(run))), "direct"))
    )
    for one, other in zip(through.items, direct.items, strict=True):
        np.testing.assert_allclose(one["scores"], other["scores"], atol=1e-5)
    assert embedder.fingerprint is not None
    assert "compa/run" in embedder.fingerprint


def test_files_reach_a_model_of_mteb_decoded(tmp_path: Path, run: Path) -> None:
    import soundfile

    soundfile.write(tmp_path / "tone.wav", tone(500), RATE)
    embedder = MTEBEmbedder(CompaEncoder(str(run)))
    (row,) = embedder.embed_audio([tmp_path / "tone.wav"])
    (direct,) = compa.load(str(run)).embed_audio([tmp_path / "tone.wav"])
    assert row @ direct > 0.99  # resampled to 48 kHz and back
    assert embedder.sample_rate == SAMPLE_RATE
