from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import compa
from benchmarks.items import Group, Scores
from benchmarks.models.open import open_scorer
from benchmarks.results.result import Result, read_result, read_results, rounded, write_result
from benchmarks.runner import run, run_all
from benchmarks.scorer import Scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import METRIC, Skilled, result


def test_round_trip(tmp_path: Path) -> None:
    written = result(run={"seconds": 1.5})
    path, replaced = write_result(written, tmp_path / "new" / "folder")
    assert (path.name, replaced) == ("m--scenes-order.json", False)
    assert read_result(path) == written
    assert read_results(path.parent) == [written]
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    assert write_result(written, path.parent) == (path, True)


def test_the_record_has_the_agreed_keys(tmp_path: Path, bank: EventBank, few: TestSet) -> None:
    saved = run(
        open_scorer("control:random"),
        "control:random",
        "scenes-order",
        TaskInputs(bank),
        tmp_path,
        7,
        few,
        {"events": None},
    )
    record = json.loads(saved.path.read_text(encoding="utf-8"))
    assert list(record) == [
        "model", "task", "task_version", "data", "seed", "code_version", "metrics", "items", "run",
    ]  # fmt: skip
    assert record["data"] == {
        "name": bank.name,
        "fingerprint": bank.fingerprint,
        "found": 12,
        "expected": 400,
    }
    assert (record["seed"], record["code_version"]) == (7, compa.__version__)
    assert set(record["metrics"]) == {"text", "audio", "group", "ties", "auc"}
    assert set(record["metrics"]["text"]) == {"value", "low", "high", "chance", "method"}
    assert set(record["items"][0]) == {
        "id", "audio", "captions", "labels", "recordings", "sources", "scores", "correct", "margins",
    }  # fmt: skip
    assert set(record["run"]) == {"started", "seconds", "model_fingerprint", "events"}
    assert str(tmp_path) not in saved.path.read_text(encoding="utf-8")


def test_same_seed_same_bytes_but_for_run(tmp_path: Path, bank: EventBank) -> None:
    texts = []
    for folder in ("one", "two"):
        test_set = find_task("scenes-attribute").prepare(TaskInputs(bank), limit=6)
        saved = run(Skilled(1.0), "m", "scenes-attribute", TaskInputs(bank), tmp_path / folder, 0, test_set)
        lines = saved.path.read_text(encoding="utf-8").splitlines()
        texts.append([line for line in lines if not line.startswith('  "run": ')])
        assert len(lines) - len(texts[-1]) == 1
    assert texts[0] == texts[1]


def test_two_runs_at_once_into_one_folder(tmp_path: Path) -> None:
    code = f"""
from pathlib import Path
from benchmarks.results.result import Result, read_result, write_result
items = [{{"id": str(number)}} for number in range(2000)]
measured = Result("m", "t", 1, {{"fingerprint": "f", "found": 1, "expected": 1}}, 0, "", {{}}, items)
for _ in range(60):
    path, _ = write_result(measured, Path({str(tmp_path)!r}))
    assert len(read_result(path).items) == 2000
"""
    runs = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [one.communicate()[1] for one in runs] == ["", ""]
    assert [path.name for path in tmp_path.iterdir()] == ["m--t.json"]


def test_scores_keep_six_digits() -> None:
    assert [rounded(x) for x in (0.123456789, 123456.789, 1e-9, -0.5, 0.0)] == [
        0.123457,
        123457.0,
        1e-9,
        -0.5,
        0.0,
    ]


def test_file_names_are_safe_and_never_shared() -> None:
    models = ["vanilla", "control:random", "a/b", "a b", "a%2Fb", "ä", "m@last", "..", "control~random"]
    names = [result(model=model).file_name for model in models]
    assert names[:2] == ["vanilla--scenes-order.json", "control~random--scenes-order.json"]
    assert len(set(names[:-1])) == len(models) - 1
    assert all("/" not in name and name.isascii() and " " not in name for name in names)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metrics": None}, "metrics: .*dictionary; got None"),
        ({"task_version": "1"}, "task_version: .*integer; got '1'"),
        ({"data": {"found": 1}}, "data: the key 'fingerprint' is missing"),
        ({"metrics": {"text": {"value": 1}}}, "metrics.text: the key 'low' is missing"),
        ({"metrics": {"text": METRIC | {"low": "0"}}}, "metrics.text.low: .*number; got '0'"),
        ({"metrics": {"text": 0.5}}, "metrics.text: .*dictionary; got 0.5"),
        ({"surprise": 1}, "unknown key 'surprise'"),
    ],
)
def test_what_is_no_result_is_named(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(json.dumps(dataclasses.asdict(result()) | change))
    with pytest.raises(ValueError, match=message) as caught:
        read_result(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[]", "the record: .*dictionary"), ("{}", "the record: the key 'model'")],
)
def test_broken_files_are_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=rf"bad\.json is not a result: {message}.*; remove it from the folder"):
        read_results(tmp_path)


def test_two_versions_of_a_task_cannot_stand_together(tmp_path: Path) -> None:
    write_result(result(model="old"), tmp_path)
    write_result(result(model="new", task_version=3), tmp_path)
    with pytest.raises(ValueError, match=r"old--scenes-order\.json is of scenes-order version 2.*version 3"):
        read_results(tmp_path)


def test_a_folder_without_results_and_a_file_in_the_way(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(ValueError, match="no results"):
            read_results(folder)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file"):
        write_result(result(), tmp_path / "file")


class Fails:
    def score(self, _: Any) -> list[Scores]:
        raise ValueError("out of luck")


def test_one_failure_keeps_the_rest(tmp_path: Path, bank: EventBank, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.runner.find_task", lambda _: ShortTask())
    errors = []
    scorers: dict[str, Scorer] = {"good": Skilled(1.0), "bad": Fails(), "better": Skilled(2.0)}
    saved = list(
        run_all(scorers, ["scenes-order"], TaskInputs(bank), tmp_path, on_error=lambda *error: errors.append(error))
    )
    assert [one.result.model for one in saved] == ["good", "better"]
    assert [(model, task, str(error)) for model, task, error in errors] == [("bad", "scenes-order", "out of luck")]
    with pytest.raises(ValueError, match="out of luck"):
        list(run_all(scorers, ["scenes-order"], TaskInputs(bank), tmp_path))
    assert len(read_results(tmp_path)) == 2


class ShortTask:
    """scenes-order with 4 items."""

    name, version, measures, needs = "scenes-order", 1, "", ""
    needs_model = Scorer

    def prepare(self, inputs: TaskInputs, limit: int | None = None) -> TestSet:
        return find_task("scenes-order").prepare(inputs, limit=4 if limit is None else limit)

    def run(self, scorer: Any, model: str, test_set: TestSet, seed: int) -> Result:
        return find_task("scenes-order").run(scorer, model, test_set, seed)


def test_all_items_come_in_one_call(few: TestSet) -> None:
    calls: list[list[Group]] = []

    class Watches(Skilled):
        def score(self, groups: Any) -> list[Scores]:
            calls.append(list(groups))
            return super().score(groups)

    find_task("scenes-order").run(Watches(1.0), "m", few, 0)
    assert [len(call) for call in calls] == [len(few.items)]
