"""Items as files: the same scores, and no change goes unseen."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.items import Item
from benchmarks.models.controls import controls
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.tasks import find_task
from benchmarks.tasks.exported import FILE_NAME, read_exported, write_exported
from benchmarks.tasks.task import Task, TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import CountingEmbedder, bench


@pytest.fixture(scope="module")
def task() -> Task:
    return find_task("scenes-binding")


@pytest.fixture(scope="module")
def rendered(bank: EventBank, task: Task) -> TestSet:
    return task.prepare(TaskInputs(bank), limit=10)


@pytest.fixture
def frozen(task: Task, rendered: TestSet, tmp_path: Path) -> Path:
    assert write_exported(task, rendered, tmp_path / "sets") == tmp_path / "sets" / task.name / FILE_NAME
    return tmp_path / "sets"


def test_files_score_as_what_was_rendered(frozen: Path, task: Task, rendered: TestSet) -> None:
    again = task.prepare(TaskInputs(data=frozen))
    assert again.data == rendered.data
    for one, other in zip(rendered.items, again.items, strict=True):
        assert (one.captions, one.paraphrases, one.kind) == (other.captions, other.paraphrases, other.kind)
        assert (one.events, one.credits, one.sources) == (other.events, other.credits, other.sources)
        for (wave, rate), (read, read_rate) in zip(one.audio, other.audio, strict=True):  # type: ignore[misc]
            assert rate == read_rate
            np.testing.assert_array_equal(wave, read)
    for scorer in (EmbeddingScorer(CountingEmbedder()), controls()["audio-only"](0), controls()["random"](3)):
        one_result, other_result = (task.run(scorer, "model", test_set, 0) for test_set in (rendered, again))
        assert one_result.to_json() == other_result.to_json()
    assert [item.id for item in task.prepare(TaskInputs(data=frozen / task.name), limit=3).items] == [
        item.id for item in rendered.items[:3]
    ]


def test_writing_again_changes_nothing_and_another_set_is_refused(frozen: Path, task: Task, rendered: TestSet) -> None:
    before = (frozen / task.name / FILE_NAME).read_bytes()
    write_exported(task, rendered, frozen)
    assert (frozen / task.name / FILE_NAME).read_bytes() == before
    with pytest.raises(ValueError, match="holds a different test set: choose another --out"):
        write_exported(task, TestSet(rendered.items[:5], rendered.data), frozen)


def test_a_change_is_seen(frozen: Path, task: Task, rendered: TestSet) -> None:
    path = frozen / task.name / FILE_NAME
    text = path.read_text(encoding="utf-8")
    caption = rendered.items[0].captions[0]
    path.write_text(text.replace(json.dumps(caption), '"something else"', 1), encoding="utf-8")
    with pytest.raises(ValueError, match="was changed after the export"):
        read_exported(task, frozen)
    path.write_text(text, encoding="utf-8")
    file = frozen / task.name / f"{rendered.items[3].audio_ids[1]}.wav"
    wave, rate = soundfile.read(file, dtype="float32")
    wave[100] += 1e-6
    soundfile.write(file, wave, rate, subtype="FLOAT")
    with pytest.raises(ValueError, match="was changed after the export"):
        read_exported(task, frozen)
    file.write_bytes(b"nothing")
    with pytest.raises(ValueError, match=r"-b\.wav cannot be read"):
        read_exported(task, frozen)


def test_what_is_no_such_set_is_told_in_a_sentence(frozen: Path, task: Task, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="holds no items of scenes-order: `compa bench export --task scenes-order"):
        find_task("scenes-order").prepare(TaskInputs(data=frozen))
    path = frozen / task.name / FILE_NAME
    record = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**record, "version": 7}), encoding="utf-8")
    with pytest.raises(ValueError, match="holds scenes-binding version 7, not scenes-binding version 2"):
        read_exported(task, frozen)
    path.write_text(json.dumps({"task": task.name}), encoding="utf-8")
    with pytest.raises(ValueError, match="is not in the form that `compa bench export` writes"):
        read_exported(task, frozen)
    path.write_text("[", encoding="utf-8")
    with pytest.raises(ValueError, match="is not JSON"):
        read_exported(task, frozen)
    of_files = TestSet([Item("a", (Path("a.wav"),), ("a",), (), (), ())])
    with pytest.raises(ValueError, match=r"are files already, such as a\.wav"):
        write_exported(task, of_files, tmp_path / "files")


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    import dataclasses

    import benchmarks.tasks

    short = {"scenes-count": dataclasses.replace(find_task("scenes-count"), expected=4)}  # type: ignore[type-var]
    monkeypatch.setattr(benchmarks.tasks, "_registry", lambda: short)
    assert bench(["export", "--task", "scenes-count", "--out", str(tmp_path / "sets")]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "sets/scenes-count" / FILE_NAME)
    scores = []
    for number, words in enumerate(([], ["--data", str(tmp_path / "sets")])):
        out = tmp_path / f"results{number}"
        assert bench(["run", "--model", "control:random", "--task", "scenes-count", "--out", str(out), *words]) == 0
        record = json.loads((out / "control~random--scenes-count.json").read_text(encoding="utf-8"))
        scores.append({key: value for key, value in record.items() if key != "run"})
    assert scores[0] == scores[1]
