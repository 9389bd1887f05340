from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.items import Scores
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.open import open_scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs
from benchmarks.tasks.zero_shot import ZeroShotSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import CountingEmbedder, bench
from tests.compa.scenes.sound_files import write, write_csv, write_labels

TASK = find_task("zero-shot")


class Reader:
    """Knows of a file what its name says, and misreads what it is told to."""

    def __init__(self, misread: dict[str, str] | None = None) -> None:
        self.misread = misread or {}
        self.texts: list[str] = []

    def score(self, groups: Any) -> list[Scores]:
        ((audios, texts),) = groups
        self.texts += texts
        return [np.array([[float(self._named(audio) in text) for text in texts] for audio in audios])]

    def _named(self, audio: Path) -> str:
        return self.misread.get(audio.name, audio.stem.rsplit("-", 1)[0].replace("_", " "))


def prepared(**material: Any) -> ZeroShotSet:
    test_set = TASK.prepare(TaskInputs(**material))
    assert isinstance(test_set, ZeroShotSet)
    return test_set


def values(scorer: Any, test_set: ZeroShotSet) -> dict[str, float]:
    return {name: metric["value"] for name, metric in TASK.run(scorer, "m", test_set, 0).metrics.items()}


def write_json(path: Path, content: Any) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_a_folder_of_labels(tmp_path: Path) -> None:
    write_labels(tmp_path / "sounds", ("sea_waves", "dog", "owl"), num=4)
    test_set = prepared(data=tmp_path / "sounds")
    assert list(test_set.prompts) == [f"This is a sound of {label}." for label in ("dog", "owl", "sea waves")]
    assert values(Reader(), test_set) == {"accuracy": 1.0, "balanced_accuracy": 1.0, "map": 1.0}
    (tmp_path / "sounds" / "dog" / "dog-3.wav").unlink()
    fewer = prepared(data=tmp_path / "sounds")
    assert fewer.data["fingerprint"] != test_set.data["fingerprint"]
    found = values(Reader({"dog-0.wav": "owl"}), fewer)
    assert found["accuracy"] == pytest.approx(10 / 11)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert found["map"] < 1
    result = TASK.run(Reader({"dog-0.wav": "owl"}), "m", fewer, 0)
    assert result.metrics["accuracy"]["chance"] == 1 / 3
    wrong = next(item for item in result.items if item["id"] == "dog/dog-0.wav")
    assert (wrong["predicted"], wrong["ranks"], wrong["labels"]) == ("owl", [3], ("dog",))


def test_constant_and_random(tmp_path: Path) -> None:
    test_set = prepared(data=write_labels(tmp_path, num=20))
    constant = values(open_scorer("control:constant"), test_set)
    assert (constant["accuracy"], constant["balanced_accuracy"]) == (0, 0)
    for name, metric in TASK.run(open_scorer("control:random", 5), "random", test_set, 5).metrics.items():
        assert metric["low"] <= metric["chance"] <= metric["high"], name


@pytest.mark.parametrize("prefix", ["../sounds", "{root}/sounds"])
def test_paths_of_one_machine_are_in_no_result(tmp_path: Path, prefix: str) -> None:
    names = ["dog/1.wav", "owl/1.wav"]
    for name in names:
        write(tmp_path / "sounds" / name)
    rows = [f"{prefix.format(root=tmp_path)}/{name},{name[:3]}" for name in names]
    (tmp_path / "tables").mkdir()
    test_set = prepared(data=write_csv(tmp_path / "tables" / "clips.csv", "\n".join(["file,label", *rows]) + "\n"))
    result = TASK.run(open_scorer("control:constant"), "m", test_set, 0)
    assert [item["id"] for item in result.items] == names
    assert str(tmp_path) not in result.to_json()
    assert ".." not in result.to_json()


@pytest.mark.parametrize("in_one_cell", [True, False])
def test_a_csv_with_several_labels_a_file(tmp_path: Path, in_one_cell: bool) -> None:
    for name in "abc":
        write(tmp_path / f"{name}.wav")
    rows = ['a.wav,"Gunshot, gunfire;Dog"', "b.wav,dog", "c.wav,Rain"]
    if not in_one_cell:
        rows = ['a.wav,"Gunshot, gunfire"', "a.wav,Dog", *rows[1:]]
    path = write_csv(tmp_path / "clips.csv", "\n".join(["file,label", *rows]) + "\n")
    labels = write_json(tmp_path / "labels.json", {"Rain": 1, "Gunshot, gunfire": 0, "Dog": 2, "Never heard": 3})
    test_set = prepared(data=path, labels=labels)
    assert test_set.data["name"] == tmp_path.name
    assert list(test_set.labels) == ["Gunshot, gunfire", "Rain", "Dog", "Never heard"]
    assert test_set.is_true.tolist() == [
        [True, False, True, False],
        [False, False, True, False],
        [False, True, False, False],
    ]

    class Scores3:
        def score(self, groups: Any) -> list[Scores]:
            return [np.array([[0.9, 0.1, 0.5, 0], [0.2, 0.1, 0.6, 0], [0.3, 0.2, 0.7, 0]])]

    found = values(Scores3(), test_set)
    assert found == {"map": pytest.approx((1 + 1 + (1 / 2 + 2 / 3) / 2) / 3)}


def test_templates_make_an_ensemble_and_each_prompt_is_embedded_once(tmp_path: Path) -> None:
    data = write_labels(tmp_path / "sounds", num=40)
    templates = write_json(tmp_path / "t.json", ["{}", "a recording of {label}", "{} in the distance"])
    test_set = prepared(data=data, templates=templates)
    assert test_set.data["templates"] == ["{}", "a recording of {}", "{} in the distance"]
    embedder = CountingEmbedder()
    result = TASK.run(EmbeddingScorer(embedder), "stub", test_set, 0)
    assert (len(embedder.audio), len(embedder.texts)) == (120, 9)
    (scores,) = EmbeddingScorer(CountingEmbedder()).score([([i.audio[0] for i in test_set.items], test_set.prompts)])
    column = {prompt: number for number, prompt in enumerate(test_set.prompts)}
    right = 0
    for row, item in zip(scores, test_set.items, strict=True):
        means = {
            label: np.mean([row[column[t.replace("{}", label)]] for t in test_set.data["templates"]])
            for label in ("cat", "dog", "owl")
        }
        (true,) = item.labels
        right += all(means[true] > mean for label, mean in means.items() if label != true)
    assert result.metrics["accuracy"]["value"] == right / 120


def test_an_event_bank_is_enough(bank: EventBank) -> None:
    test_set = prepared(events=bank)
    assert test_set.data["found"] == test_set.data["expected"] == 10 * len(bank.labels)
    held_out = {name for label in bank.labels for name in bank.split("test").recordings(label)}
    assert {item.recordings[0] for item in test_set.items} <= held_out
    again = prepared(events=bank)
    for one, other in zip(test_set.items, again.items, strict=True):
        np.testing.assert_array_equal(one.audio[0][0], other.audio[0][0])  # type: ignore[index]
    assert len(TASK.prepare(TaskInputs(bank), limit=7).items) == 7


def test_coverage(tmp_path: Path) -> None:
    write_labels(tmp_path, num=4)
    (tmp_path / "owl" / "owl-1.wav").write_bytes(b"no sound")
    test_set = prepared(data=tmp_path)
    assert (test_set.data["found"], test_set.data["expected"]) == (11, 12)
    assert "1 of 12 files are left out: owl/owl-1.wav (unreadable" in test_set.data["warnings"][0]


def test_what_a_user_can_put_right_is_one_sentence(tmp_path: Path) -> None:
    data = write_labels(tmp_path / "sounds")
    with pytest.raises(ValueError, match=r"there is no .*nowhere"):
        prepared(data=tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="has no sound files"):
        prepared(data=tmp_path / "empty")
    with pytest.raises(ValueError, match="has no column 'file'; did you mean 'files'"):
        prepared(data=write_csv(tmp_path / "a.csv", "files,label\nx.wav,dog\n"))
    with pytest.raises(ValueError, match="line 2 has no label"):
        prepared(data=write_csv(tmp_path / "b.csv", "file,label\nx.wav,\n"))
    labels = write_json(tmp_path / "labels.json", ["cat", "dogs", "owl"])
    with pytest.raises(ValueError, match="label 'dog', which is not in the label set; did you mean 'dogs'"):
        prepared(data=data, labels=labels)
    for content, message in (
        ({"dog": "0"}, "must give every label an integer index"),
        ("dog", "is not a label set"),
        (["dog", "Dog"], "has 'dog' twice"),
    ):
        with pytest.raises(ValueError, match=message):
            prepared(data=data, labels=write_json(labels, content))
    for sentences, message in ((["no place"], "must contain {} or {label} once"), ([], "is not a list of templates")):
        with pytest.raises(ValueError, match=message):
            prepared(data=data, templates=write_json(tmp_path / "t.json", sentences))
    labels.write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match="is not JSON"):
        prepared(data=data, labels=labels)
    with pytest.raises(ValueError, match="--labels needs --data"):
        prepared(labels=write_json(labels, ["a", "b"]))


def test_the_real_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compa.scenes.banks.open.open_bank", lambda *_: pytest.fail("the bank was opened"))
    data = write_labels(tmp_path / "sounds")
    labels = write_json(tmp_path / "labels.json", {"dog": 0, "cat": 1, "owl": 2})
    command = [
        "run",
        "--model",
        "control:constant",
        "--task",
        "zero-shot",
        "--data",
        str(data),
        "--labels",
        str(labels),
    ]
    assert bench([*command, "--out", str(tmp_path / "results")]) == 0
    shown = capsys.readouterr().out
    assert "accuracy" in shown
    assert "0.333" in shown
