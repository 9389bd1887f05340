from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.items import Scores
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.open import open_scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.captioned import NUM_SCENES, also_true
from benchmarks.tasks.retrieval import RetrievalSet
from benchmarks.tasks.task import TaskInputs
from compa.data.quarantine import Entry, write
from compa.manifest import Clip, Event, Negative, Positive, write_manifest
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Truth, parse
from tests.benchmarks.conftest import CountingEmbedder, bench
from tests.compa.scenes.sound_files import write as write_sound

TASK = find_task("retrieval")


class Knowing:
    """Gives 1 to a clip's own captions, and what it is told to others."""

    def __init__(self, clips: list[Clip], wrong: dict[tuple[int, str], float] | None = None) -> None:
        self.clips = clips
        self.wrong = wrong or {}

    def score(self, groups: Any) -> list[Scores]:
        ((audios, texts),) = groups
        own = [[float(text in clip.captions) for text in texts] for clip in self.clips]
        scores = np.array(own)
        for (row, text), value in self.wrong.items():
            scores[row, list(texts).index(text)] = value
        assert scores.shape == (len(audios), len(texts))
        return [scores]


def make_clips(folder: Path, num: int = 12, num_captions: int = 5) -> list[Clip]:
    clips = []
    for number in range(num):
        write_sound(folder / f"clip{number}.wav")
        captions = tuple(f"caption {place} of sound {number}" for place in range(num_captions))
        negatives = tuple(Negative(f"not {place} of sound {number}", "order", of=0) for place in range(2))
        clips.append(Clip(f"clip{number}", f"clip{number}.wav", captions, negatives=negatives))
    return clips


def prepared(folder: Path, clips: list[Clip], limit: int | None = None) -> RetrievalSet:
    write_manifest(folder / "set.jsonl", clips)
    test_set = TASK.prepare(TaskInputs(data=folder / "set.jsonl"), limit)
    assert isinstance(test_set, RetrievalSet)
    return test_set


def test_a_knowing_scorer_finds_everything(tmp_path: Path) -> None:
    clips = make_clips(tmp_path)
    test_set = prepared(tmp_path, clips)
    counts = {name: test_set.data[name] for name in ("found", "expected", "captions", "distractors")}
    assert counts == {"found": 12, "expected": 12, "captions": 60, "distractors": 24}
    result = TASK.run(Knowing(clips), "knowing", test_set, 0)
    for direction in ("text_to_audio", "audio_to_text"):
        found = {name: result.metrics[f"{direction}_{name}"] for name in ("r1", "r5", "r10", "map10", "median_rank")}
        assert {metric["value"] for metric in found.values()} == {1.0}
    metric = result.metrics["audio_to_text_r5"]
    assert metric["chance"] == pytest.approx(1 - np.prod([(55 - k) / (60 - k) for k in range(5)]))
    assert result.metrics["text_to_audio_r5"]["chance"] == pytest.approx(5 / 12)
    assert result.metrics["text_to_audio_median_rank"]["chance"] == 6.5
    assert result.metrics["audio_to_text_r1_distractors"]["chance"] == pytest.approx(5 / 84)
    assert "text_to_audio_r1_distractors" not in result.metrics
    assert "every caption is a query" in result.data["convention"]


def test_one_wrong_score_moves_what_it_should(tmp_path: Path) -> None:
    clips = make_clips(tmp_path)
    test_set = prepared(tmp_path, clips)
    wrong = {(3, "caption 0 of sound 7"): 1.0, (3, "not 0 of sound 3"): 2.0}  # a tie, and a distractor above
    result = TASK.run(Knowing(clips, wrong), "m", test_set, 0)
    value = {name: metric["value"] for name, metric in result.metrics.items()}
    assert value["text_to_audio_r1"] == pytest.approx(59 / 60)
    assert value["text_to_audio_map10"] == pytest.approx((59 + 1 / 2) / 60)
    assert value["audio_to_text_r1"] == pytest.approx(11 / 12)
    of_third = sum(n / (n + 1) for n in range(1, 6)) / 5
    assert value["audio_to_text_map10"] == pytest.approx((11 + of_third) / 12)
    assert value["audio_to_text_r1_distractors"] == pytest.approx(11 / 12)
    assert result.items[3]["ranks"] == {"text_to_audio": [1] * 5, "audio_to_text": [2, 3, 4, 5, 6]}
    assert result.items[3]["ranks_distractors"] == [3, 4, 5, 6, 7]
    assert result.items[7]["ranks"]["text_to_audio"] == [2, 1, 1, 1, 1]


def test_controls(tmp_path: Path) -> None:
    test_set = prepared(tmp_path, make_clips(tmp_path))
    constant = TASK.run(open_scorer("control:constant"), "constant", test_set, 0).metrics
    for direction in ("text_to_audio", "audio_to_text"):
        assert [constant[f"{direction}_{name}"]["value"] for name in ("r1", "r10", "map10")] == [0, 0, 0]
    assert constant["text_to_audio_median_rank"]["value"] == 12
    for name, metric in TASK.run(open_scorer("control:random", 3), "random", test_set, 0).metrics.items():
        assert metric["low"] <= metric["value"] <= metric["high"], name


def test_equal_captions_are_one_text_and_right_for_each_of_their_clips(tmp_path: Path) -> None:
    clips = make_clips(tmp_path, num=4, num_captions=1)
    clips[1] = Clip("clip1", "clip1.wav", clips[0].captions)
    clips[2] = Clip("clip2", "clip2.wav", ("another",), positives=(Positive("Caption 0 of  sound 3.", "paraphrase"),))
    test_set = prepared(tmp_path, clips)
    assert test_set.data["captions"] == 3
    assert [list(texts) for texts in test_set.answers.known] == [[], [], [2], []]
    result = TASK.run(Knowing(clips, {(2, "caption 0 of sound 3"): 5.0}), "m", test_set, 0)
    assert {result.metrics[f"{way}_r1"]["value"] for way in ("text_to_audio", "audio_to_text")} == {1.0}


def test_what_a_claim_makes_true_of_another_clip_is_no_rival() -> None:
    then, back = "Then('dog', 'rain')", "Then('rain', 'dog')"
    events = (Event("dog", 0.0, 1.0), Event("rain", 1.5, 3.0))
    turned = Negative("rain, then a dog", "order", claim=back)
    absent = Negative("no dog", "absence", claim="Absent('dog')")
    clips = [
        Clip("a", None, ("a dog, then rain",), (then,), (turned,), (), events),
        Clip("b", None, ("rain after a dog",), (then,), (absent,), (), events),
        Clip("c", None, ("rain",), ("Has('rain')",), (), (), (Event("rain", 0.0, 2.0),)),
    ]  # fmt: skip
    assert also_true(clips) == [
        {"a dog, then rain", "rain after a dog", "rain"},
        {"a dog, then rain", "rain after a dog", "rain"},
        {"rain", "no dog"},
    ]


def test_only_usable_clips_count(tmp_path: Path) -> None:
    clips = make_clips(tmp_path)
    (tmp_path / "clip1.wav").unlink()
    clips[2] = Clip("clip2", "clip2.wav", ())
    clips[3] = Clip("clip3", None, ("no sound",))
    write_manifest(tmp_path / "set.jsonl", clips)
    write(tmp_path / "set.jsonl", [Entry("clip0", "clip0.wav", "silent")])
    test_set = prepared(tmp_path, clips)
    assert (test_set.data["found"], test_set.data["expected"]) == (8, 12)
    (told,) = test_set.data["warnings"]
    assert told == (
        "4 of 12 clips are left out: clip0 (in quarantine), clip1 (not there), clip2 (without a caption) and 1 more"
    )


def test_only_the_test_split_counts_and_a_limit_takes_the_first(tmp_path: Path) -> None:
    clips = make_clips(tmp_path)
    split = [Clip(c.id, c.audio, c.captions, split="test" if number % 2 else "train") for number, c in enumerate(clips)]
    test_set = prepared(tmp_path, split, limit=3)
    assert [item.id for item in test_set.items] == ["clip1", "clip3", "clip5"]
    assert (test_set.data["found"], test_set.data["expected"]) == (3, 6)


def test_what_a_user_can_put_right_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no manifest"):
        TASK.prepare(TaskInputs(data=tmp_path / "nothing.jsonl"))
    clips = make_clips(tmp_path, num=1)
    with pytest.raises(ValueError, match="needs at least 2 usable clips; set has 1"):
        prepared(tmp_path, clips)
    with pytest.raises(ValueError, match="several clips 'clip0'"):
        prepared(tmp_path, clips * 2)


def test_composed_scenes_need_nothing(bank: EventBank) -> None:
    test_set = TASK.prepare(TaskInputs(bank), limit=40)
    assert isinstance(test_set, RetrievalSet)
    assert (test_set.data["found"], test_set.data["expected"]) == (40, NUM_SCENES)
    again = TASK.prepare(TaskInputs(bank), limit=40)
    assert again.data == test_set.data
    held_out = {name for label in bank.labels for name in bank.split("test").recordings(label)}
    assert {name for item in test_set.items for name in item.recordings} <= held_out
    assert test_set.data["distractors"] > 40
    embedder = CountingEmbedder()
    result = TASK.run(EmbeddingScorer(embedder), "stub", test_set, 0)
    assert (len(embedder.audio), len(embedder.texts)) == (40, len(test_set.texts))
    assert len(set(embedder.texts)) == len(embedder.texts)
    assert result.metrics["audio_to_text_r1_distractors"]["value"] <= result.metrics["audio_to_text_r1"]["value"]


def test_no_rival_is_true_and_every_known_text_is_none(bank: EventBank) -> None:
    """An oracle that judges claims finds every caption in the first place, distractors or not."""
    from benchmarks.tasks.captioned import composed_items

    given = composed_items(TaskInputs(bank), 30)
    test_set = TASK.prepare(TaskInputs(bank), 30)
    assert isinstance(test_set, RetrievalSet)
    claims = _claims(bank)

    class Oracle:
        def score(self, groups: Any) -> list[Scores]:
            ((_, texts),) = groups
            true = [[parse(claims[text]).judge(item.events[0]) is Truth.TRUE for text in texts] for item in given.items]
            return [np.array(true, dtype=float)]

    value = {name: metric["value"] for name, metric in TASK.run(Oracle(), "oracle", test_set, 0).metrics.items()}
    for name in ("text_to_audio_r1", "audio_to_text_r1", "audio_to_text_r1_distractors"):
        assert value[name] == 1.0, name


def _claims(bank: EventBank) -> dict[str, str]:
    from benchmarks.tasks.captioned import SCENES
    from compa.scenes.composition.composer import Composer
    from compa.scenes.holdout import label_pairs

    composer = Composer(bank.split("test"), SCENES, pairs=label_pairs(bank.labels))
    claims: dict[str, str] = {}
    for number in range(30):
        ((clip, _, _),) = composer.scenes(number)
        claims |= {text: str(claim) for text, claim in zip(clip.captions, clip.claims, strict=True)}
        claims |= {negative.text: str(negative.claim) for negative in clip.negatives}
    return claims


def test_the_real_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compa.scenes.banks.open.open_bank", lambda *_: pytest.fail("the bank was opened"))
    write_manifest(tmp_path / "set.jsonl", make_clips(tmp_path))
    command = ["run", "--model", "control:random", "--task", "retrieval", "--data", str(tmp_path / "set.jsonl")]
    assert bench([*command, "--out", str(tmp_path / "results")]) == 0
    shown = capsys.readouterr().out
    assert "text_to_audio_r1" in shown
    assert "chance" in shown
    record = json.loads((tmp_path / "results" / "control~random--retrieval.json").read_text(encoding="utf-8"))
    assert record["data"]["name"] == "set"


def test_big_sets_stay_small_in_results() -> None:
    num_clips, num_texts = 300, 1500
    rng = np.random.default_rng(0)
    from benchmarks.items import Item
    from benchmarks.metrics.retrieval import Answers

    items = [
        Item(str(i), (Path(f"{i}.wav"),), tuple(f"{i} {j}" for j in range(5)), (), (str(i),), (str(i),))
        for i in range(num_clips)
    ]
    texts = [caption for item in items for caption in item.captions]
    answers = Answers(num_texts, [list(range(5 * i, 5 * i + 5)) for i in range(num_clips)], [[]] * num_clips)
    test_set = RetrievalSet(
        items, {"name": "big", "fingerprint": "", "found": 1, "expected": 1}, texts=texts, answers=answers
    )

    class Noise:
        def score(self, groups: Any) -> list[Scores]:
            ((audios, texts),) = groups
            return [rng.normal(size=(len(audios), len(texts)))]

    result = TASK.run(Noise(), "noise", test_set, 0)
    assert len(result.to_json()) < 300 * num_clips
    for name, metric in result.metrics.items():
        tolerance = 4 * (metric["high"] - metric["low"]) / 3.92
        assert abs(metric["value"] - metric["chance"]) < tolerance + 1e-9, name
