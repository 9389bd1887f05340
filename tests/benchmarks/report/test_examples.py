from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from benchmarks.report.examples import MAX_ITEMS, margin, render_examples, select_items
from benchmarks.report.sound import MAX_SECONDS, encode, read_waveforms
from benchmarks.report.task_results import group_results
from benchmarks.results.result import Result
from benchmarks.results.schema import Metric
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import Skilled, result

RATE = 16000


def tone(hertz: float, seconds: float = 1.0, rate: int = RATE) -> NDArray[np.float32]:
    return np.asarray(np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate) / 2, dtype=np.float32)


def with_margins(model: str, *margins: float, task: str = "scenes-order") -> Result:
    items = [
        {"id": f"{task}-{i}", "captions": ["a", "b"], "scores": [[lead, 0], [0, lead]], "correct": {}}
        for i, lead in enumerate(margins)
    ]
    return result(model=model, task=task, items=items)


def scored(few: TestSet, *models: str) -> list[Result]:
    return [find_task("scenes-order").run(Skilled(2.0, seed=i), model, few, 0) for i, model in enumerate(models)]


def test_the_worst_and_best_items_of_the_best_model_are_selected() -> None:
    better = replace(with_margins("better", 3, -1, 0.5, -2, 1, 9), metrics={"group": {**GROUP, "value": 0.9}})
    made = group_results([better, with_margins("worse", *[0.0] * 6), with_margins("control:random", *[7.0] * 6)])
    assert select_items(made) == [
        {
            "scenes-order-3": "worst of better",
            "scenes-order-1": "second worst of better",
            "scenes-order-5": "best of better",
            "scenes-order-0": "second best of better",
        }
    ]


GROUP: Metric = {"value": 0.5, "low": 0.4, "high": 0.6, "chance": 0.25, "method": "Wilson"}


def test_few_items_are_selected_once_and_many_tasks_take_turns() -> None:
    assert select_items(group_results([with_margins("m", 1.0)])) == [{"scenes-order-0": "worst of m"}]
    assert list(select_items(group_results([with_margins("m", 1.0, 2.0)]))[0]) == ["scenes-order-0", "scenes-order-1"]
    many = group_results([with_margins("m", 1, 2, 3, 4, 5, task=f"task-{i}") for i in range(6)])
    chosen = select_items(many)
    assert sum(map(len, chosen)) == MAX_ITEMS
    assert [list(why.values()) for why in chosen] == [["worst of m", "best of m"]] * 2 + [["worst of m"]] * 4
    assert select_items(group_results([result()])) == [{}]


def test_examples_have_the_sounds_that_were_measured(bank: EventBank, few: TestSet) -> None:
    warnings: list[str] = []
    ((task, shown),) = render_examples(group_results(scored(few, "m")), TaskInputs(bank), warnings.append)
    assert warnings == []
    assert len(shown) == 4
    by_id = {item.id: item for item in few.items}
    for one in shown:
        item = by_id[one.id]
        assert [clip.captions for clip in one.clips] == [[caption] for caption in item.captions]
        for clip, audio in zip(one.clips, item.audio, strict=True):
            assert isinstance(audio, tuple)
            assert correlation(decoded(clip.audio), audio[0]) > 0.9
    assert task.name == "scenes-order"


def decoded(uri: str) -> NDArray[np.float32]:
    found = re.fullmatch(r"data:audio/mpeg;base64,(.+)", uri)
    assert found
    waveform, rate = soundfile.read(io.BytesIO(base64.b64decode(found[1])), dtype="float32")
    assert rate == RATE
    return np.asarray(waveform)


def correlation(heard: NDArray[np.float32], wanted: NDArray[np.float32]) -> float:
    """The largest over all shifts: encoders delay."""
    size = len(heard) + len(wanted)
    products = np.fft.irfft(np.fft.rfft(heard, size) * np.fft.rfft(wanted, size).conj(), size)
    return float(products.max() / np.linalg.norm(heard) / np.linalg.norm(wanted))


def test_an_example_has_the_records_of_all_models_but_controls(bank: EventBank, few: TestSet) -> None:
    ((_, shown),) = render_examples(group_results(scored(few, "m", "n", "control:random")), TaskInputs(bank), print)
    for one in shown:
        assert sorted(model for model, _ in one.records) == ["m", "n"]
        assert {item["id"] for _, item in one.records} == {one.id}


@pytest.mark.parametrize(
    ("change", "material", "reason"),
    [
        ({"data": {"name": "x", "fingerprint": "y", "found": 12, "expected": 400}}, None, "measured on other data"),
        ({"task_version": 7}, None, "version 7"),
        ({"task": "somebodys"}, None, "unknown task 'somebodys'"),
        ({}, TaskInputs("nowhere"), "there is no nowhere"),
        ({"run": {"events": "gone"}}, None, "there is no gone"),
    ],
)
def test_a_task_that_cannot_be_rendered_is_left_out_with_a_warning(
    bank: EventBank, few: TestSet, change: dict[str, Any], material: TaskInputs | None, reason: str
) -> None:
    (one,) = scored(few, "m")
    warnings: list[str] = []
    if material is None and "run" not in change:
        material = TaskInputs(bank)
    assert render_examples(group_results([replace(one, **change)]), material, warnings.append) == []
    (sentence,) = warnings
    assert reason in sentence
    assert "--events or --data" in sentence


def test_a_missing_item_is_reported(bank: EventBank, few: TestSet) -> None:
    (one,) = scored(few, "m")
    other = replace(one, items=[{**item, "id": f"x{item['id']}"} for item in one.items])
    warnings: list[str] = []
    assert render_examples(group_results([other]), TaskInputs(bank), warnings.append) == []
    assert "the task has no item 'xscenes-order" in warnings[0]


@dataclass
class Ready:
    """A task that gives the items it was made with, and records the inputs it is given."""

    items: TestSet
    seen: list[TaskInputs] = field(default_factory=list)
    version: int = 2

    def prepare(self, material: TaskInputs, limit: int | None = None) -> TestSet:
        assert limit == 12
        self.seen.append(material)
        return self.items


def test_inputs_default_to_what_the_result_files_note(few: TestSet, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[TaskInputs] = []

    monkeypatch.setattr("benchmarks.report.examples.find_task", lambda _: Ready(few, seen))
    first, second = scored(few, "m", "n")
    render_examples(group_results([first, replace(second, run={"events": "sounds", "data": "folder"})]), None, print)
    assert (seen[0].events, seen[0].data) == ("sounds", Path("folder"))
    render_examples(
        group_results([replace(second, run={"events": "sounds", "data": "folder"})]), TaskInputs("others"), print
    )
    assert (seen[1].events, seen[1].data) == ("others", Path("folder"))


def test_any_rate_and_length_can_be_played(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "odd.wav", np.stack([tone(440, rate=17640), tone(440, rate=17640)], axis=1), 17640)
    soundfile.write(tmp_path / "long.wav", tone(440, MAX_SECONDS + 5), RATE)
    (odd,), rate = read_waveforms([tmp_path / "odd.wav"])
    assert (len(odd), rate) == (32000, 32000)
    (long, short), rate = read_waveforms([tmp_path / "long.wav", (tone(440, rate=8000), 8000)])
    assert (len(long), len(short), rate) == (int(MAX_SECONDS * RATE), RATE, RATE)
    with pytest.raises(ValueError, match=r"gone\.wav"):
        read_waveforms([tmp_path / "gone.wav"])


def test_encoded_sound_is_small_and_deterministic() -> None:
    noise = np.random.default_rng(0).normal(size=4 * RATE).astype(np.float32)
    assert encode(noise, RATE) == encode(noise, RATE)
    assert len(encode(noise, RATE)) < 24_000
    waveform, _ = soundfile.read(io.BytesIO(encode(noise * 10, RATE)))
    assert np.abs(waveform).max() < 1.3  # a decoder may overshoot; clipping would flatten it


def test_items_with_ranks_instead_of_scores(bank: EventBank, few: TestSet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Retrieval: one sound an item, several captions, ranks and no matrix of scores."""
    items = [replace(item, audio=item.audio[:1], captions=("a", "b", "c"), events=()) for item in few.items]
    records = [
        {"id": item.id, "ranks": {"text_to_audio": [i], "audio_to_text": [1, i]}} for i, item in enumerate(items, 1)
    ]
    monkeypatch.setattr("benchmarks.report.examples.find_task", lambda _: Ready(TestSet(items, few.data)))
    made = group_results([result(task="retrieval", metrics={"text_to_audio_r1": GROUP}, data=few.data, items=records)])
    ((_, shown),) = render_examples(made, TaskInputs(bank), print)
    assert [one.id for one in shown] == [items[i].id for i in (11, 10, 0, 1)]
    assert [len(one.clips) for one in shown] == [1] * 4
    assert shown[0].clips[0].captions == ("a", "b", "c")
    unnamed = [replace(item, captions=()) for item in items]
    monkeypatch.setattr("benchmarks.report.examples.find_task", lambda _: Ready(TestSet(unnamed, few.data)))
    ((_, shown),) = render_examples(made, TaskInputs(bank), print)
    assert shown[0].clips[0].captions == items[11].labels


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
