from __future__ import annotations

import sys
import textwrap
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmarks.tasks
from benchmarks.items import Item
from benchmarks.metrics.pairs import METRICS, outcomes
from benchmarks.tasks import find_task, tasks
from benchmarks.tasks.composed import ComposedPairs
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from compa.scenes.holdout import held_out_pairs
from tests.benchmarks.conftest import Skilled


@pytest.fixture(scope="module", params=["scenes-order", "scenes-attribute"])
def items(request: pytest.FixtureRequest, bank: EventBank) -> list[Item]:
    return list(find_task(request.param).prepare(TaskInputs(bank), limit=120).items)


def test_the_registry_finds_every_module_with_a_task() -> None:
    assert {"scenes-order", "scenes-attribute"} <= set(tasks())
    for name, task in tasks().items():
        assert (task.name, task.version >= 1) == (name, True)
        assert task.measures
        assert task.needs


def test_a_new_file_is_a_new_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.py").write_text(
        textwrap.dedent("""
            from dataclasses import replace
            from benchmarks.tasks.scenes_order import TASK as ORDER
            TASK = replace(ORDER, name="mine")
        """)
    )
    monkeypatch.setattr(benchmarks.tasks, "__path__", [*benchmarks.tasks.__path__, str(tmp_path)])
    benchmarks.tasks._registry.cache_clear()
    try:
        assert find_task("mine").name == "mine"
    finally:
        monkeypatch.undo()
        benchmarks.tasks._registry.cache_clear()
        sys.modules.pop("benchmarks.tasks.mine", None)


def test_an_unknown_task_gets_the_nearest_name() -> None:
    with pytest.raises(ValueError, match="unknown task 'scenes-oder'; did you mean 'scenes-order'"):
        find_task("scenes-oder")


def test_items_are_of_held_out_pairs_in_turn(items: list[Item], bank: EventBank) -> None:
    held_out = held_out_pairs(bank.labels)
    uses = Counter(tuple(sorted(item.labels)) for item in items)
    assert set(uses) <= held_out
    assert max(uses.values()) - min(uses.values(), default=0) <= 1
    assert len(uses) == min(len(held_out), len(items))
    first_is_smaller = np.mean([item.labels[0] < item.labels[1] for item in items])
    assert 0.3 < first_is_smaller < 0.7


def test_items_are_of_test_recordings_only(items: list[Item], bank: EventBank) -> None:
    train, test = bank.split("train"), bank.split("test")
    for item in items:
        assert sorted(credit.label for credit in item.credits) == sorted(item.labels)
        for credit in item.credits:
            assert credit.recording in test.recordings(credit.label)
            assert credit.recording not in train.recordings(credit.label)


def test_ids_are_unique_and_name_each_audio(items: list[Item]) -> None:
    ids = [audio_id for item in items for audio_id in item.audio_ids]
    assert len(set(ids)) == 2 * len(items)
    assert items[7].audio_ids == (f"{items[7].id}-a", f"{items[7].id}-b")


def test_items_repeat_and_a_limit_takes_the_first(bank: EventBank, few: TestSet) -> None:
    again = find_task("scenes-order").prepare(TaskInputs(bank), limit=5)
    assert again.data == few.data | {"found": 5}
    for one, other in zip(again.items, few.items[:5], strict=True):
        assert (one.captions, one.recordings) == (other.captions, other.recordings)
        for a, b in zip(one.audio, other.audio, strict=True):
            np.testing.assert_array_equal(a[0], b[0])  # type: ignore[index]


def test_another_version_is_another_set(bank: EventBank, few: TestSet) -> None:
    order = find_task("scenes-order")
    assert isinstance(order, ComposedPairs)
    other = replace(order, version=order.version + 1)
    assert [item.recordings for item in other.items(TaskInputs(bank), 5)] != [item.recordings for item in few.items[:5]]


def test_a_skilled_model_scores_above_chance_and_metrics_agree_with_items(few: TestSet) -> None:
    result = find_task("scenes-order").run(Skilled(1.5), "skilled", few, seed=3)
    assert (result.model, result.task, result.task_version, result.seed) == ("skilled", "scenes-order", 2, 3)
    assert result.metrics["text"]["value"] > result.metrics["text"]["chance"] == 0.25
    assert result.metrics["group"]["chance"] == 1 / 6
    for name in METRICS:
        values = result.metrics[name]
        assert values["value"] == np.mean([item["correct"][name] for item in result.items])
        assert values["low"] <= values["value"] <= values["high"]
    (a, b), (c, d) = result.items[0]["scores"]
    assert result.items[0]["correct"]["text"] == (a > b and d > c)
    assert result.items[0]["margins"] == {
        "text": pytest.approx(min(a - b, d - c), abs=1e-4), "audio": pytest.approx(min(a - c, d - b), abs=1e-4)
    }  # fmt: skip
    assert 0.5 < result.metrics["auc"]["low"] < result.metrics["auc"]["value"] < result.metrics["auc"]["high"]


def test_metrics_of_each_kind_of_item(few: TestSet) -> None:
    kinds = ["a", "b", "b"] * 4
    items = [replace(item, kind=kind) for item, kind in zip(few.items, kinds, strict=True)]
    result = find_task("scenes-order").run(Skilled(1.0), "skilled", TestSet(items, few.data), seed=0)
    for kind in "ab":
        some = [item["correct"]["group"] for item in result.items if item["kind"] == kind]
        assert result.metrics[f"group_{kind}"]["value"] == np.mean(some)
        assert result.metrics[f"group_{kind}"]["chance"] == 1 / 6


def test_triplets_and_pairs_together(few: TestSet) -> None:
    def with_third(item: Item) -> Item:
        return replace(item, audio=(*item.audio, item.audio[0]), captions=(*item.captions, "third"))

    items = [with_third(item) if number % 4 == 0 else item for number, item in enumerate(few.items)]
    result = find_task("scenes-order").run(Skilled(0.8, seed=4), "skilled", TestSet(items, few.data), seed=0)
    for name in ("text", "audio", "group"):
        pairs = [item["correct"][name] for item in result.items]
        whole = [item["correct"][f"{name}_triplets"] for item in result.items]
        assert result.metrics[name]["value"] == np.mean(pairs)
        assert result.metrics[f"{name}_triplets"]["value"] == np.mean(whole)
        assert all(pair or not all_ for pair, all_ in zip(pairs, whole, strict=True))
        alone = outcomes([np.array(item["scores"])[:2, :2] for item in result.items])[name]
        assert alone.tolist() == pairs
    three = [np.array(item["scores"]) for item in result.items if len(item["scores"]) == 3]
    assert outcomes(three)["text"].tolist() == [item["correct"]["text_triplets"] for item in result.items[::4]]
    assert result.metrics["text_triplets"]["chance"] == pytest.approx(0.75 / 4 + 0.25 / 27)
    assert result.metrics["group_triplets"]["chance"] == pytest.approx(0.75 / 6 + 0.25 / 60)


def test_a_bank_without_items_is_refused(bank: EventBank) -> None:
    with pytest.raises(ValueError, match="cannot make any item of built-in"):
        find_task("scenes-order").prepare(TaskInputs(bank), limit=0)
