from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.models.open import open_scorer
from benchmarks.results.compare import compare, find_side
from benchmarks.results.result import Result, write_result
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import METRIC, Skilled, bench, result


def won(group: Sequence[float], model: str = "m", **changes: Any) -> Result:
    """A result with these outcomes."""
    items = [{"id": f"i{n}", "captions": ["a", "b"], "correct": {"group": value}} for n, value in enumerate(group)]
    metrics = {"group": METRIC | {"value": sum(group) / len(group)}}
    return result(model=model, items=items, metrics=metrics, **changes)


def test_by_hand() -> None:
    one, other = won([True] * 8 + [False] * 2), won([True] * 3 + [False] * 6 + [True])
    (group,) = compare([one], [other])
    assert (group.metric, group.one, group.other) == ("group", 0.8, 0.4)
    assert group.difference.value == pytest.approx(0.4)
    assert group.difference.low < 0.4 < group.difference.high
    assert (group.only_one, group.only_other, group.p) == (5, 1, 0.21875)
    (back,) = compare([other], [one])
    assert back.difference == pytest.approx([-group.difference.value, -group.difference.high, -group.difference.low])
    assert back.p == group.p


def test_seeds_of_one_side_count_together() -> None:
    seeds = [won([True, False, True, True], seed=seed) for seed in (0, 1)]
    (group,) = compare(seeds, [won([False, False, True, True])])
    assert (group.one, group.other, group.difference.value) == (0.75, 0.5, 0.25)
    assert group.p is None


def test_the_order_of_items_and_values_that_are_no_wins() -> None:
    one = won([0.5, 0.25, 1.0])
    turned = won([0.5, 0.25, 1.0])
    object.__setattr__(turned, "items", turned.items[::-1])
    (group,) = compare([one], [turned])
    assert group.difference.value == 0
    assert group.p is None


def test_real_results(few: TestSet) -> None:
    task = find_task("scenes-order")
    good, bad = (task.run(Skilled(skill), str(skill), few, 0) for skill in (3.0, 0.0))
    compared = {each.metric: each for each in compare([good], [bad])}
    assert compared.keys() == {"text", "audio", "group"}
    for name, each in compared.items():
        assert each.one - each.other == pytest.approx(good.metrics[name]["value"] - bad.metrics[name]["value"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task_version": 3}, "m and n in scenes-order are of versions 2 and 3"),
        (
            {"data": {"name": "esc10", "fingerprint": "g", "found": 1, "expected": 1}},
            r"different data \(built-in and esc10",
        ),
        ({"items": [{"id": "i0", "captions": ["a", "b"], "correct": {}}]}, r"different items \(3 and 1\)"),
    ],
)
def test_what_cannot_be_compared_is_refused(changes: dict[str, Any], message: str) -> None:
    other = won([True] * 3, "n")
    for key, value in changes.items():
        object.__setattr__(other, key, value)
    with pytest.raises(ValueError, match=message):
        compare([won([True] * 3)], [other])


def test_items_that_were_asked_otherwise_are_refused() -> None:
    other = won([True, False], "n")
    other.items[1]["captions"] = ["b", "a"]  # type: ignore[index]
    with pytest.raises(ValueError, match="differ in the captions of item i1"):
        compare([won([True, False])], [other])
    with pytest.raises(ValueError, match="have no outcomes per item"):
        compare([result()], [result()])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed in (0, 1):
        write_result(won([True, True, False, True], f"mine-{seed}", seed=seed), tmp_path / "results")
    write_result(won([False, True, False, False], "vanilla"), tmp_path / "results")
    write_result(won([False, True], "vanilla", task="scenes-attribute"), tmp_path / "results")
    write_result(won([True, True, False, True], "alone"), tmp_path / "single")
    return tmp_path


def test_sides_by_file_folder_and_name(folder: Path) -> None:
    results = folder / "results"
    file = results / "vanilla--scenes-order.json"
    assert [one.model for one in find_side(str(file), None)] == ["vanilla"]
    assert [one.model for one in find_side(str(folder / "single"), None)] == ["alone"]
    assert [one.model for one in find_side("mine-*", results)] == ["mine-0", "mine-1"]
    assert [one.model for one in find_side("mine-1, runs/mine-0", results)] == ["mine-1", "mine-0"]
    with pytest.raises(ValueError, match="unknown model 'vanila'; did you mean 'vanilla'"):
        find_side("vanila", results)
    with pytest.raises(ValueError, match=r"holds several models \(mine-0, mine-1, vanilla\)"):
        find_side(str(results), None)
    with pytest.raises(ValueError, match="occurs twice"):
        find_side("mine-1,mine-*", results)
    with pytest.raises(ValueError, match=r"'mine' is not a result file .* --results DIR"):
        find_side("mine", None)


def test_the_command(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = str(folder / "results")
    assert bench(["compare", "mine-0", "vanilla", "--results", results]) == 0
    told = capsys.readouterr()
    assert "scenes-order on built-in, 4 items\nA: mine-0\nB: vanilla\n" in told.out
    (row,) = re.findall(r"^group .*$", told.out, re.MULTILINE)
    assert row.split()[1:4] == ["0.750", "0.250", "+0.500"]
    assert row.split()[-3:] == ["2", "0", "0.5"]
    assert "left out scenes-attribute: only vanilla was measured" in told.err
    assert bench(["compare", "mine-*", "vanilla", "--results", results]) == 0
    assert "A: mine-0 (seed 0), mine-1 (seed 1)" in capsys.readouterr().out
    attribute = str(folder / "results" / "vanilla--scenes-attribute.json")
    with pytest.raises(ValueError, match="no task was measured on both sides"):
        bench(["compare", str(folder / "single"), attribute])


def test_retrieval_is_compared_clip_by_clip(bank: EventBank) -> None:
    task = find_task("retrieval")
    test_set = task.prepare(TaskInputs(bank), limit=20)
    one, other = (task.run(open_scorer("control:random", seed), str(seed), test_set, seed) for seed in (0, 1))
    compared = {each.metric: each for each in compare([one], [other])}
    assert len(compared) == 6
    for name, each in compared.items():
        assert each.one == pytest.approx(one.metrics[name]["value"])
