from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.items import Group
from benchmarks.scorer import checked
from tests.benchmarks.conftest import noise


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([np.zeros((2, 2))], "got 1 for 2 items"),
        ([np.zeros((2, 2)), np.zeros((2, 3))], r"item 'i1': scores must have the shape \(2, 2\) .*; got \(2, 3\)"),
        ([np.zeros((2, 2)), np.full((2, 2), np.nan)], "item 'i1': scores must be finite; 4 of 4"),
        (
            [np.zeros((2, 2)), [[0, 0], [0, -np.inf]]],
            "item 'i1': scores must be finite; 1 of 4 are not, the first is -inf for audio 2 of 2 and 'y'",
        ),
        ([np.zeros((2, 2)), "no numbers"], "item 'i1': the scores are not real numbers"),
        ([np.zeros((2, 2)), np.full((2, 2), 1j)], "item 'i1': the scores are not real numbers"),
        (None, "got a NoneType"),
        ((np.zeros((2, 2)) for _ in range(2)), "got a generator"),
    ],
)
def test_unusable_scores_name_model_and_item(scores: Any, message: str) -> None:
    groups: list[Group] = [((noise(0), noise(1)), ("x", "y"))] * 2
    with pytest.raises(ValueError, match=message) as caught:
        checked(scores, groups, "my-model", ["i0", "i1"])
    assert "my-model" in str(caught.value)


@pytest.mark.parametrize("broken", [float("nan"), "no number"])
def test_one_bad_score_of_many_is_one_short_sentence(broken: object) -> None:
    scores = np.zeros((100, 1000), dtype=object)
    scores[3, 700] = broken
    group: Group = ([noise(i) for i in range(100)], [f"text {i} of a thousand long ones" * 9 for i in range(1000)])
    with pytest.raises(ValueError, match=r"item 'retrieval': (the )?scores") as caught:
        checked([scores.tolist()], [group], "my-model", ["retrieval"])
    assert len(str(caught.value)) < 250
