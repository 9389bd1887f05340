from __future__ import annotations

import benchmarks.models.names
import benchmarks.results.result
import benchmarks.results.table
from benchmarks.results.table import ranked, text_table
from tests.benchmarks.conftest import METRIC, result


def scored(
    model: str, group: float, task: str = "scenes-order", fingerprint: str = "f"
) -> benchmarks.results.result.Result:
    metrics = {name: METRIC | {"value": group} for name in ("text", "audio", "group")}
    data = {"name": "built-in", "fingerprint": fingerprint, "found": 1, "expected": 1}
    return result(model=model, task=task, metrics=metrics, data=data)


def test_best_first_controls_last_and_only_the_same_data_together() -> None:
    results = [
        scored("control:random", 0.9),
        scored("worse", 0.2),
        scored("better", 0.8),
        scored("elsewhere", 0.99, fingerprint="g"),
        scored("worse", 0.3, task="scenes-attribute"),
    ]
    assert [[one.model for one in block] for block in ranked(results)] == [
        ["worse"],
        ["better", "worse", "control:random"],
        ["elsewhere"],
    ]


def test_text_table_lines_up() -> None:
    lines = text_table([scored("model", 0.5), scored("a-longer-name", 0.25)]).splitlines()
    assert lines[0].split() == ["task", "model", "text", "audio", "group"]
    assert lines[2].split() == ["scenes-order", "model", *["0.500", "[0.400,", "0.600]"] * 3]
    assert lines[3].split() == ["built-in", "a-longer-name", *["0.250", "[0.400,", "0.600]"] * 3]
    assert lines[4].split() == ["chance", "0.250", "0.250", "0.250"]
    assert len({line.index("0.") for line in lines[2:]}) == 1


def test_both_protocols_and_how_many_items_were_found() -> None:
    metrics = {f"{name}{end}": METRIC for end in ("", "_triplets") for name in ("text", "audio", "group")}
    data = {"name": "CompA-order", "fingerprint": "f", "found": 9, "expected": 12}
    lines = text_table([result(metrics=metrics | {"ties": METRIC}, data=data)]).splitlines()
    assert lines[0].split()[2:] == [*metrics]
    assert lines[3].startswith("CompA-order, 9 of 12 items  chance")


def test_a_single_result_and_one_without_a_metric() -> None:
    lone = result(metrics={"text": METRIC})
    assert "0.500 [0.400, 0.600]  -" in text_table([lone])


def test_tasks_with_other_metrics_have_tables_of_their_own_and_words_alone_a_line() -> None:
    names = ("recall", "map", "text_only")
    other = result(task="retrieval", metrics={name: METRIC | {"value": 0.7} for name in names})
    lines = text_table([scored("model", 0.5), other]).splitlines()
    assert lines[0].split() == ["task", "model", "recall", "map"]
    assert lines[2].split() == ["retrieval", "m", *["0.700", "[0.400,", "0.600]"] * 2]
    assert lines[4].split() == ["words", "alone", "(chance", "0.250)", "0.700", "[0.400,", "0.600]"]
    assert lines[5] == ""
    assert lines[6].split() == ["task", "model", "text", "audio", "group"]
