from __future__ import annotations

import numpy as np
import pytest

from benchmarks.checks.text_leak import LEAK, TEXT_ONLY, Texts, leak_metrics
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs
from compa.scenes.banks.bank import EventBank

NOUNS = ("dog", "cat", "car", "bell", "rain", "door", "horn", "bird", "saw", "drum", "clock", "train")


def items(leaking: float, num: int = 300, num_false: int = 1) -> list[Texts]:
    """Pairs in both orders; a share of the false ones has a word of its own."""
    rng = np.random.default_rng(0)
    made = []
    for number in range(num):
        a, b, *others = rng.permutation(NOUNS)
        false = [f"a {b} and then a {a}"] + [f"a {b} and then a {other}" for other in others[: num_false - 1]]
        false = [f"{text} suddenly" if rng.random() < leaking else text for text in false]
        made.append(Texts([f"a {a} and then a {b}"], false, [f"r{number}"]))
    return made


def test_blind_texts_are_near_one_half_and_leaks_are_found() -> None:
    blind, half, open_ = (leak_metrics(items(leaking))[LEAK] for leaking in (0.0, 0.5, 1.0))
    assert blind["low"] < 0.5 < blind["high"]
    assert 0.4 < blind["value"] < 0.6
    assert half["low"] > 0.6
    assert open_["value"] > 0.95
    assert {metric["chance"] for metric in (blind, half, open_)} == {0.5}


def test_accuracy_by_words_alone() -> None:
    found = leak_metrics(items(1.0, num_false=3), accuracy=True)
    assert found[TEXT_ONLY]["chance"] == pytest.approx(1 / 4)
    assert found[TEXT_ONLY]["value"] > 0.95
    blind = leak_metrics(items(0.0), accuracy=True)[TEXT_ONLY]
    assert blind["chance"] == 0.5
    assert blind["value"] < 0.6


def test_too_few_texts_tell_nothing() -> None:
    assert leak_metrics(items(1.0, num=99)) == {}
    assert leak_metrics([Texts(["a"], [], ["r"])] * 200) == {}


def test_the_scene_tasks_do_not_leak(bank: EventBank) -> None:
    for name in ("scenes-order", "scenes-attribute"):
        metric = find_task(name).prepare(TaskInputs(bank), limit=150).metrics[LEAK]
        assert metric["value"] < 0.6, name
