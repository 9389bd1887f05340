"""Leaderboard, heat maps, retention, margins, notices, and the tables of a paper."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from benchmarks.report.duel import MAX_ITEMS, duels, margin
from benchmarks.report.export_tables import comma_separated, markdown
from benchmarks.report.kinds import MAX_COLUMNS, heat_maps
from benchmarks.report.leaderboard import rows
from benchmarks.report.metric_display import measures
from benchmarks.report.retention import panels
from benchmarks.report.task_results import blocks
from benchmarks.report.warnings import notices
from benchmarks.results.result import Result
from tests.benchmarks.test_results import METRIC, result


def metric(value: float, **changes: Any) -> dict[str, Any]:
    return {**METRIC, "value": value, "low": value - 0.05, "high": value + 0.05, **changes}


def scored(model: str, value: float, task: str = "scenes-order", name: str = "group", **changes: Any) -> Result:
    return result(model=model, task=task, metrics={name: metric(value)}, **changes)


def rank(value: float) -> dict[str, Any]:
    return {"value": value, "low": value - 1, "high": value + 2, "chance": 50.5, "method": "bootstrap"}


def test_a_metric_that_nobody_knows_gets_an_axis_that_holds_it() -> None:
    one = result(metrics={"odd_thing": {"value": -3.0, "low": -4.0, "high": 12.0, "chance": 0.0, "method": "x"}})
    (measure,) = measures([one])
    assert (measure.title, measure.low, measure.high, measure.lower_is_better) == ("Odd thing", -4, 12, False)
    assert [measure.percent(value) for value in (-4, 0, 12, 99)] == ["0.00%", "25.00%", "100.00%", "100.00%"]
    assert measure.text(-3.0) == "−3"


def test_small_ranks_are_good() -> None:
    results = [result(model=m, task="retrieval", metrics={"median_rank": rank(v)}) for m, v in (("a", 9), ("b", 3))]
    (block,) = blocks(results)
    assert block.headline.lower_is_better
    assert [one.model for one in block.results] == ["b", "a"]
    assert [row.name for row in rows([block])] == ["b", "a"]
    told = result(metrics={"cost": {**METRIC, "better": "lower"}})
    assert measures([told])[0].lower_is_better


def test_what_is_of_one_kind_or_of_the_items_is_no_column() -> None:
    names = ("group", "group:depth-2", "group_depth-2", "ties", "text_leak_auc", "auc")
    one = result(metrics=dict.fromkeys(names, METRIC), items=[{"id": "i", "kind": "depth-2"}])
    assert [measure.title for measure in measures([one])] == ["Group", "AUC"]
    (block,) = blocks([one])
    assert [(called, told) for called, _, told in block.facts] == [("words alone, AUC", METRIC)]


def test_each_direction_and_protocol_has_a_table_of_its_own() -> None:
    names = ("text_to_audio_r1", "text_to_audio_map10", "audio_to_text_median_rank", "audio_to_text_r1_distractors",
             "group", "group_triplets", "balanced_accuracy", "map")  # fmt: skip
    (block,) = blocks([result(metrics=dict.fromkeys(names, METRIC))])
    assert {title: [measure.column for measure in some] for title, some in block.tables.items()} == {
        "Text to audio": ["R@1", "mAP@10"],
        "Audio to text": ["Median rank"],
        "Audio to text, with distractors": ["R@1"],
        "": ["Group", "Balanced accuracy", "mAP"],
        "With triplets": ["Group"],
    }


def test_the_best_first_whatever_the_headline_and_models_without_it_after() -> None:
    results = [
        scored("low", 0.1, "retrieval", "R@1"),
        scored("high", 0.9, "retrieval", "R@1"),
        scored("other", 0.5, "retrieval", "R@5"),
        scored("control:random", 1.0, "retrieval", "R@1"),
    ]
    (block,) = blocks(results)
    assert block.headline.name == "R@1"
    assert [one.model for one in block.results] == ["high", "low", "other", "control:random"]
    assert block.controls("R@1") == [1.0]
    assert not block.is_composition


def test_a_leaderboard_of_models_by_tasks() -> None:
    made = blocks([scored("a", 0.5), scored("b", 0.75), scored("b", 0.25, "scenes-attribute"), scored("control:x", 1)])
    board = rows(made)
    assert [row.name for row in board] == ["b", "a", "control:x"]
    assert [[cell and cell.value for cell in row.cells] for row in board] == [[0.25, 0.75], [None, 0.5], [None, 1]]
    assert [row.is_control for row in board] == [False, False, True]
    cell = board[0].cells[0]
    assert cell is not None
    assert (cell.low, cell.high, cell.seeds) == (0.2, 0.3, ())


def test_seeds_of_one_recipe_share_a_row() -> None:
    made = blocks([scored(f"mine-seed{seed}", value) for seed, value in enumerate((0.5, 0.25, 0.75))])
    (row,) = rows([*made, *blocks([scored("mine-seed0", 0.5, "scenes-attribute")])])
    assert (row.name, row.num_seeds) == ("mine", 3)
    order, attribute = row.cells
    assert order is not None
    assert attribute is not None
    assert (order.value, order.low, order.high, order.seeds) == (0.5, 0.25, 0.75, (0.25, 0.5, 0.75))
    assert (attribute.value, attribute.seeds) == (0.5, ())
    assert [row.name for row in rows(blocks([scored("mine-seed0", 0.5)]))] == ["mine-seed0"]


def test_retention_pairs_general_tasks_with_tasks_of_composition() -> None:
    results = [
        *(scored(model, value) for model, value in (("a", 0.9), ("b", 0.2), ("c", 0.3), ("control:random", 0.1))),
        *(scored(model, value, "retrieval", "R@1") for model, value in (("a", 0.4), ("b", 0.6), ("control:random", 0))),
        scored("a", 0.8, "scenes-attribute"),
        scored("control:random", 0.8, "zero-shot", "accuracy"),
    ]
    found = panels(blocks(results))
    assert [(panel.across.task, panel.up.task) for panel in found] == [
        ("retrieval", "scenes-attribute"),
        ("retrieval", "scenes-order"),
    ]
    points = {point.model: (point.across["value"], point.up["value"]) for point in found[1].points}
    assert points == {"a": (0.4, 0.9), "b": (0.6, 0.2), "control:random": (0, 0.1)}
    assert panels(blocks(results[:4])) == []


def item(number: int, won: bool, **more: Any) -> dict[str, Any]:
    return {"id": f"i{number}", "captions": ["x", "y"], "correct": {"group": won}, **more}


def test_a_heat_map_counts_what_was_won_by_kind_and_by_sound() -> None:
    items = [
        item(0, True, kind="depth-2", labels=["rain", "dog"]),
        item(1, False, kind="depth-2", labels=["rain", "siren"]),
        item(2, True, kind="depth-10", labels=["rain", "rain"]),
        item(3, True),
    ]
    (block,) = blocks([scored("m", 0.5, items=items), scored("control:random", 0.5, items=[])])
    by_kind, by_sound = heat_maps([block])
    assert by_kind.columns == [("depth-10", 1), ("depth-2", 2)]
    assert by_kind.rows == [("m", [1.0, 0.5])]
    assert by_sound.columns == [("dog", 1), ("rain", 3), ("siren", 1)]
    assert by_sound.rows == [("m", [1.0, pytest.approx(2 / 3), 0.0])]


def test_of_many_sounds_the_hardest_are_shown() -> None:
    items = [item(i, i < 20, labels=[f"s{i:02d}"]) for i in range(MAX_COLUMNS + 6)]
    ((found),) = heat_maps(blocks([scored("m", 0.5, items=items)]))
    assert found.left_out == 6
    assert [name for name, _ in found.columns[:10]] == [f"s{i}" for i in range(20, 30)]
    assert heat_maps(blocks([scored("m", 0.5, items=[item(0, True, kind="only")])])) == []


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([[3, 1], [0, 2]], 1),
        ([[3, 2.5], [0, 2]], -0.5),
        ([[9, 0, 0], [0, 9, 8], [0, 0, 9]], 1),
        ([[1, 2]], None),
        ([[1]], None),
        ([[1, 2], [3]], None),
        ("no", None),
        (None, None),
    ],
)
def test_margins_by_hand(scores: Any, expected: float | None) -> None:
    assert margin({"scores": scores}) == expected


def test_duels_hold_what_all_models_answered() -> None:
    def answers(model: str, *numbers: int) -> Result:
        items = [item(i, True, scores=[[i + 1, 0], [0, i + 1]]) for i in numbers]
        return scored(model, 0.5, items=items)

    (duel,) = duels(blocks([answers("a", 0, 1, 2), answers("b", 1, 2, 3)]))
    assert duel["items"] == ["i1", "i2"]
    assert (duel["models"], duel["margins"]) == (["a", "b"], [[2, 3], [2, 3]])
    assert duel["captions"] == [["x", "y"]] * 2
    assert duels(blocks([answers("a", 0), answers("control:random", 0)])) == []
    assert duels(blocks([answers("a", 0), answers("b", 1)])) == []
    (many,) = duels(blocks([answers("a", *range(2500)), answers("b", *range(2500))]))
    assert len(many["items"]) <= MAX_ITEMS
    assert many["items"][1] == "i3"


def test_what_must_be_known_is_said_once_for_all_that_it_is_true_of() -> None:
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
    assert notices(blocks(results)) == [
        "odd size: other (d)",
        "Not all items were measured, so scores are not comparable with those of all: "
        "scenes-attribute (d, 12 of 400 items), scenes-order (d, 12 of 400 items)",
        "3 items were trained on: b in scenes-attribute (d, 12 of 400 items), scenes-order (d, 12 of 400 items)",
    ]


def test_markdown_holds_every_metric_chance_and_coverage() -> None:
    names = ("text", "group", "auc")
    one = result(model="a|b<i>", metrics={name: metric(0.5) for name in names})
    other = result(model="c", metrics={"group": metric(0.75)})
    lines = markdown(blocks([one, other])).splitlines()
    assert lines[0] == "### scenes-order (built-in), version 1"
    assert lines[2:6] == [
        "| model | Group | Text | AUC |",
        "| --- | ---: | ---: | ---: |",
        "| c | 0.750 [0.700, 0.800] | – | – |",
        r"| a\|b&lt;i> | 0.500 [0.450, 0.550] | 0.500 [0.450, 0.550] | 0.500 [0.450, 0.550] |",
    ]
    assert lines[6] == "| *chance* | 0.250 | 0.250 | 0.250 |"
    assert "1 of 1 items; 95 % intervals: Wilson." in lines[8]


def test_csv_can_be_computed_with() -> None:
    results = [scored('odd, "name"', 0.123456), scored("b", 0.25, "retrieval", "R@1")]
    table = list(csv.DictReader(io.StringIO(comma_separated(blocks(results)))))
    assert [(row["task"], row["model"], row["metric"], float(row["value"])) for row in table] == [
        ("retrieval", "b", "R@1", 0.25),
        ("scenes-order", 'odd, "name"', "group", 0.123456),
    ]
    assert {key: table[0][key] for key in ("low", "high", "chance", "method", "found", "expected", "seed")} == {
        "low": "0.2", "high": "0.3", "chance": "0.25", "method": "Wilson", "found": "1", "expected": "1", "seed": "0",
    }  # fmt: skip
