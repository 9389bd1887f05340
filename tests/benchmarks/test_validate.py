from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.cli.main import main
from benchmarks.results.result import write_result
from benchmarks.results.validate import flaws
from benchmarks.runner import run
from benchmarks.scorer import open_scorer
from benchmarks.tasks import Material, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.test_results import METRIC, result


def write(folder: Path, **changes: Any) -> Path:
    path = folder / "m--scenes-order.json"
    path.write_text(json.dumps(dataclasses.asdict(result()) | changes))
    return path


def test_results_of_every_control_are_valid(
    tmp_path: Path, bank: EventBank, few: TestSet, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("constant", "random", "bag-of-events"):
        model = f"control:{name}"
        run(open_scorer(model), model, "scenes-order", Material(bank), tmp_path, 0, few, warnings=["a leak"])
    assert main(["validate", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "3 of 3 results are valid\n"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"surprise": 1}, "the record: unknown key 'surprise'"),
        ({"metric": {}}, "the record: unknown key 'metric'; did you mean 'metrics'?"),
        ({"model": ""}, "model: "),
        ({"task_version": "1"}, "task_version: '1' is not of type 'integer'"),
        ({"data": {"fingerprint": "f", "found": 1}}, "data: 'expected' is a required property"),
        ({"data": {"fingerprint": "f", "found": 2, "expected": 1}}, "data: 2 items are found of 1"),
        ({"metrics": {}}, "metrics: {} should be non-empty"),
        ({"metrics": {"group": METRIC | {"low": None}}}, "metrics.group.low: None is not of type 'number'"),
        ({"metrics": {"group": METRIC | {"low": 0.55}}}, "metrics.group: the value 0.5 is not between low and high"),
        ({"items": [{"captions": []}]}, "items[0]: 'id' is a required property"),
        ({"items": [{"id": "i", "audio": [3]}]}, "items[0].audio[0]: 3 is not of type 'string'"),
        ({"items": [{"id": "i"}, {"id": "i"}]}, "items: 2 have the id 'i'"),
        (
            {"metrics": {"group": METRIC}, "items": [{"id": "i", "correct": {"group": True}}]},
            "metrics.group: the value is 0.5, but the mean over the items is 1",
        ),
        ({"model": "other"}, "model and task make the file name other--scenes-order.json"),
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
    assert main(["validate", str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert told.out == "0 of 3 results are valid\n"
    assert "broken.json: not JSON" in told.err
    assert "nan.json: not JSON (NaN is no number in JSON)" in told.err
    assert f"{many}: and 15 more flaws" in told.err
    with pytest.raises(ValueError, match="there are no results"):
        main(["validate", str(tmp_path / "nowhere")])
