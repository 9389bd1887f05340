from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report.ablation import compare_in_turn, draw, markdown
from benchmarks.results.result import Result
from benchmarks.results.schema import Metric

NUM_ITEMS = 60


def seed(model: str, wins: int, shift: int = 0) -> Result:
    """A result that wins so many items, from `shift` on."""
    won = [(number - shift) % NUM_ITEMS < wins for number in range(NUM_ITEMS)]
    items = [
        {"id": f"i{number}", "captions": ["a", "b"], "sources": [f"s{number}"], "correct": {"group": value}}
        for number, value in enumerate(won)
    ]
    metric: Metric = {"value": wins / NUM_ITEMS, "low": 0.0, "high": 1.0, "chance": 1 / 6, "method": "Wilson"}
    return Result(
        model, "scenes-order", 1, {"fingerprint": "f", "found": 60, "expected": 60}, 0, "", {"group": metric}, items
    )


def test_scores_are_means_of_seeds_and_gains_are_against_the_variant_above(tmp_path: Path) -> None:
    table = compare_in_turn(
        {
            "plain": [[seed("a", 12), seed("b", 18)]],
            "more": [[seed("c", 42), seed("d", 48)]],
            "same": [[seed("e", 42), seed("f", 48)]],
        }
    )
    plain, more, same = (cells["scenes-order, group"] for cells in table.values())
    assert plain.added is None
    assert plain.score.value == pytest.approx(0.25)
    assert more.score.value == pytest.approx(0.75)
    assert 0.0 <= plain.score.low < 0.25 < plain.score.high < more.score.low
    assert more.added is not None
    assert more.added.value == pytest.approx(0.5)
    assert more.added.low > 0.2
    assert same.added is not None
    assert same.added.value == 0.0
    assert same.added.low < 0 < same.added.high

    lines = markdown(table, {"plain": "contrast", "more": "negatives", "same": "nothing"}).splitlines()
    assert lines[0] == "|  | scenes-order, group | added |"
    assert lines[2].startswith("| plain: contrast | 0.250 [")
    assert lines[3].startswith("| more: negatives | 0.750 [")
    assert "| +0.500 [+" in lines[3]
    assert "| +0.000 [-" in lines[4]
    draw(table, tmp_path / "a.png", "tones")
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
