"""Results grouped by task, and what is made of them: leaderboard, heat maps, retention, warnings, exported tables."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from benchmarks.report.export_tables import csv_table, markdown_tables
from benchmarks.report.kinds import MAX_COLUMNS, heat_maps
from benchmarks.report.leaderboard import leaderboard
from benchmarks.report.metric_display import displayed_metrics
from benchmarks.report.retention import retention_panels
from benchmarks.report.task_results import group_results
from benchmarks.report.warnings import collect_warnings
from benchmarks.results.result import Result
from tests.benchmarks.conftest import METRIC, result


def metric(value: float, **changes: Any) -> dict[str, Any]:
    return {**METRIC, "value": value, "low": value - 0.05, "high": value + 0.05, **changes}


def scored(model: str, value: float, task: str = "scenes-order", name: str = "group", **changes: Any) -> Result:
    return result(model=model, task=task, metrics={name: metric(value)}, **changes)


def rank(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 1, "high": value + 2, "chance": 50.5, "method": "bootstrap"}


def test_an_unknown_metric_has_an_axis_that_holds_its_values() -> None:
    one = result(metrics={"odd_thing": {"value": -3.0, "low": -4.0, "high": 12.0, "chance": 0.0, "method": "x"}})
    (found,) = displayed_metrics([one])
    assert (found.title, found.low, found.high, found.lower_is_better) == ("Odd thing", -4, 12, False)
    assert [found.percent(value) for value in (-4, 0, 12, 99)] == ["0.00%", "25.00%", "100.00%", "100.00%"]
    assert found.format(-3.0) == "−3"


def test_lower_is_better_for_ranks_and_where_a_metric_says_so() -> None:
    results = [result(model=m, task="retrieval", metrics={"median_rank": rank(v)}) for m, v in (("a", 9), ("b", 3))]
    (task,) = group_results(results)
    assert task.headline.lower_is_better
    assert [one.model for one in task.results] == ["b", "a"]
    assert [row.name for row in leaderboard([task])] == ["b", "a"]
    costs = result(metrics={"cost": {**METRIC, "better": "lower"}})
    assert displayed_metrics([costs])[0].lower_is_better


def test_metrics_of_one_kind_and_of_the_items_have_no_column() -> None:
    names = ("group", "group:depth-2", "group_depth-2", "ties", "text_leak_auc", "auc")
    one = result(metrics=dict.fromkeys(names, METRIC), items=[{"id": "i", "kind": "depth-2"}])
    assert [found.title for found in displayed_metrics([one])] == ["Group", "AUC"]
    (task,) = group_results([one])
    assert [(title, values) for title, _, values in task.item_metrics] == [("words alone, AUC", METRIC)]


def test_each_direction_and_protocol_has_a_table_of_its_own() -> None:
    names = ("text_to_audio_r1", "text_to_audio_map10", "audio_to_text_median_rank", "audio_to_text_r1_distractors",
             "group", "group_triplets", "balanced_accuracy", "map")  # fmt: skip
    (task,) = group_results([result(metrics=dict.fromkeys(names, METRIC))])
    assert {title: [found.column for found in some] for title, some in task.tables.items()} == {
        "Text to audio": ["R@1", "mAP@10"],
        "Audio to text": ["Median rank"],
        "Audio to text, with distractors": ["R@1"],
        "": ["Group", "Balanced accuracy", "mAP"],
        "With triplets": ["Group"],
    }


def test_models_are_sorted_by_the_headline_and_those_without_it_come_last() -> None:
    results = [
        scored("low", 0.1, "retrieval", "R@1"),
        scored("high", 0.9, "retrieval", "R@1"),
        scored("other", 0.5, "retrieval", "R@5"),
        scored("control:random", 1.0, "retrieval", "R@1"),
    ]
    (task,) = group_results(results)
    assert task.headline.name == "R@1"
    assert [one.model for one in task.results] == ["high", "low", "other", "control:random"]
    assert task.control_scores("R@1") == [1.0]
    assert not task.is_composition


def test_the_leaderboard_is_sorted_by_the_average_over_tasks() -> None:
    made = group_results(
        [scored("a", 0.5), scored("b", 0.75), scored("b", 0.25, "scenes-attribute"), scored("control:x", 1)]
    )
    board = leaderboard(made)
    assert [row.name for row in board] == ["b", "a", "control:x"]
    assert [[cell and cell.value for cell in row.cells] for row in board] == [[0.25, 0.75], [None, 0.5], [None, 1]]
    assert [row.is_control for row in board] == [False, False, True]
    cell = board[0].cells[0]
    assert cell is not None
    assert (cell.low, cell.high, cell.seeds) == (0.2, 0.3, ())


def test_seeds_of_one_recipe_share_a_row() -> None:
    made = group_results([scored(f"mine-seed{seed}", value) for seed, value in enumerate((0.5, 0.25, 0.75))])
    (row,) = leaderboard([*made, *group_results([scored("mine-seed0", 0.5, "scenes-attribute")])])
    assert (row.name, row.num_seeds) == ("mine", 3)
    order, attribute = row.cells
    assert order is not None
    assert attribute is not None
    assert (order.value, order.low, order.high, order.seeds) == (0.5, 0.25, 0.75, (0.25, 0.5, 0.75))
    assert (attribute.value, attribute.seeds) == (0.5, ())
    assert [row.name for row in leaderboard(group_results([scored("mine-seed0", 0.5)]))] == ["mine-seed0"]


def test_retention_pairs_general_tasks_with_tasks_of_composition() -> None:
    results = [
        *(scored(model, value) for model, value in (("a", 0.9), ("b", 0.2), ("c", 0.3), ("control:random", 0.1))),
        *(scored(model, value, "retrieval", "R@1") for model, value in (("a", 0.4), ("b", 0.6), ("control:random", 0))),
        scored("a", 0.8, "scenes-attribute"),
        scored("control:random", 0.8, "zero-shot", "accuracy"),
    ]
    found = retention_panels(group_results(results))
    assert [(panel.general.name, panel.composition.name) for panel in found] == [
        ("retrieval", "scenes-attribute"),
        ("retrieval", "scenes-order"),
    ]
    points = {point.model: (point.general["value"], point.composition["value"]) for point in found[1].points}
    assert points == {"a": (0.4, 0.9), "b": (0.6, 0.2), "control:random": (0, 0.1)}
    assert retention_panels(group_results(results[:4])) == []


def item(number: int, won: bool, **more: Any) -> dict[str, Any]:
    return {"id": f"i{number}", "captions": ["x", "y"], "correct": {"group": won}, **more}


def test_a_heat_map_counts_what_was_won_by_kind_and_by_sound() -> None:
    items = [
        item(0, True, kind="depth-2", labels=["rain", "dog"]),
        item(1, False, kind="depth-2", labels=["rain", "siren"]),
        item(2, True, kind="depth-10", labels=["rain", "rain"]),
        item(3, True),
    ]
    (task,) = group_results([scored("m", 0.5, items=items), scored("control:random", 0.5, items=[])])
    by_kind, by_sound = heat_maps([task])
    assert by_kind.columns == [("depth-10", 1), ("depth-2", 2)]
    assert by_kind.rows == [("m", [1.0, 0.5])]
    assert by_sound.columns == [("dog", 1), ("rain", 3), ("siren", 1)]
    assert by_sound.rows == [("m", [1.0, pytest.approx(2 / 3), 0.0])]


def test_only_the_hardest_of_many_sounds_are_shown() -> None:
    items = [item(i, i < 20, labels=[f"s{i:02d}"]) for i in range(MAX_COLUMNS + 6)]
    ((found),) = heat_maps(group_results([scored("m", 0.5, items=items)]))
    assert found.num_omitted == 6
    assert [name for name, _ in found.columns[:10]] == [f"s{i}" for i in range(20, 30)]
    assert heat_maps(group_results([scored("m", 0.5, items=[item(0, True, kind="only")])])) == []


def test_a_warning_is_given_once_with_all_tasks_and_models() -> None:
    whole = {"name": "d", "fingerprint": "f", "found": 400, "expected": 400}
    short = whole | {"found": 12}
    results = [
        scored("a", 0.5, data=short),
        scored("b", 0.5, data=short | {"warnings": ["3 items were trained on"]}),
        scored("a", 0.5, "scenes-attribute", data=short),
        scored("b", 0.5, "scenes-attribute", data=short | {"warnings": ["3 items were trained on"]}),
        scored("c", 0.5, data=whole),
        scored("c", 0.5, "other", data=whole | {"warnings": ["odd size"]}),
        scored("d", 0.5, "other", data=whole | {"warnings": ["odd size"]}),
    ]
    assert collect_warnings(group_results(results)) == [
        "odd size: other (d)",
        "Not all items were measured, so scores are not comparable with those of all: "
        "scenes-attribute (d, 12 of 400 items), scenes-order (d, 12 of 400 items)",
        "3 items were trained on: b in scenes-attribute (d, 12 of 400 items), scenes-order (d, 12 of 400 items)",
    ]


def test_markdown_holds_every_metric_chance_and_coverage() -> None:
    names = ("text", "group", "auc")
    one = result(model="a|b<i>", metrics={name: metric(0.5) for name in names})
    other = result(model="c", metrics={"group": metric(0.75)})
    lines = markdown_tables(group_results([one, other])).splitlines()
    assert lines[0] == "### scenes-order (built-in), version 2"
    assert lines[2:6] == [
        "| model | Group | Text | AUC |",
        "| --- | ---: | ---: | ---: |",
        "| c | 0.750 [0.700, 0.800] | – | – |",
        r"| a\|b&lt;i> | 0.500 [0.450, 0.550] | 0.500 [0.450, 0.550] | 0.500 [0.450, 0.550] |",
    ]
    assert lines[6] == "| *chance* | 0.250 | 0.250 | 0.250 |"
    assert "1 of 1 items; 95 % intervals: Wilson." in lines[8]


def test_csv_holds_exact_values() -> None:
    results = [scored('odd, "name"', 0.123456), scored("b", 0.25, "retrieval", "R@1")]
    table = list(csv.DictReader(io.StringIO(csv_table(group_results(results)))))
    assert [(row["task"], row["model"], row["metric"], float(row["value"])) for row in table] == [
        ("retrieval", "b", "R@1", 0.25),
        ("scenes-order", 'odd, "name"', "group", 0.123456),
    ]
    assert {key: table[0][key] for key in ("low", "high", "chance", "method", "found", "expected", "seed")} == {
        "low": "0.2", "high": "0.3", "chance": "0.25", "method": "Wilson", "found": "1", "expected": "1", "seed": "0",
    }  # fmt: skip
