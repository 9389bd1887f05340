from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.open import open_scorer
from benchmarks.results.result import write_result
from benchmarks.results.validate import flaws
from benchmarks.runner import run
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import METRIC, bench, result


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "m--scenes-order.json"
    path.write_text(json.dumps(dataclasses.asdict(result()) | changes))
    return path


def test_results_of_every_control_are_valid(
    tmp_path: Path, bank: EventBank, few: TestSet, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("constant", "random", "bag-of-events"):
        model = f"control:{name}"
        run(open_scorer(model), model, "scenes-order", TaskInputs(bank), tmp_path, 0, few, warnings=["a leak"])
    assert bench(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "3 of 3 results are valid\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "the record: unknown key 'surprise'"),
        ({"metric": {}}, "the record: unknown key 'metric'; did you mean 'metrics'?"),
        ({"model": ""}, "model: "),
        ({"task_version": "1"}, "task_version: "),
        ({"data": {"fingerprint": "f", "found": 1}}, "data: the key 'expected' is missing"),
        (
            {"data": {"fingerprint": "f", "found": 2, "expected": 1}},
            "data: found must not exceed expected",
        ),
        ({"metrics": {}}, "metrics: there must be at least one"),
        ({"metrics": {"group": METRIC | {"low": None}}}, "metrics.group.low: "),
        ({"metrics": {"group": METRIC | {"low": 0.55}}}, "metrics.group: the value 0.5 is not between low and high"),
        ({"items": [{"captions": []}]}, "items[0]: the key 'id' is missing"),
        ({"items": [{"id": "i", "audio": [3]}]}, "items[0].audio[0]: "),
        ({"items": [{"id": "i"}, {"id": "i"}]}, "items: 2 have the id 'i'"),
        (
            {"metrics": {"group": METRIC}, "items": [{"id": "i", "correct": {"group": True}}]},
            "metrics.group: the value is 0.5, but the mean over the items is 1",
        ),
        ({"model": "other"}, "the file must be named other--scenes-order.json"),
    ],
)
def test_flaws_are_named(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    found = flaws(write(tmp_path, **changes))
    assert any(flaw.startswith(message) for flaw in found), found


def test_the_command_goes_on_and_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_result(result(), tmp_path)
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "nan.json").write_text('{"model": NaN}')
    many = write(tmp_path, items=[{"id": number} for number in range(20)])
    assert bench(["validate", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.out == "0 of 3 results are valid\n"
    assert "broken.json: not JSON" in told.err
    assert "nan.json: not JSON (NaN is not a number in JSON)" in told.err
    assert f"{many}: and 15 more flaws" in told.err
    with pytest.raises(ValueError, match="no results"):
        bench(["validate", str(tmp_path / "nowhere")])
