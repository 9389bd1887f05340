from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.items import Audio, Group, Item
from benchmarks.models.controls import controls
from benchmarks.models.controls.audio_only import AudioOnly
from benchmarks.models.controls.bag_of_events import BagOfEvents
from benchmarks.models.controls.text_only import MIN_TEXTS, TextOnly
from benchmarks.models.open import open_scorer
from benchmarks.runner import run
from benchmarks.scorer import NeedsItems
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.manifest import Event
from compa.scenes.banks.bank import EventBank
from tests.benchmarks.conftest import noise

RATE = 16000


def item(name: str, audio: Audio, caption: str, labels: tuple[str, ...] = ()) -> Item:
    events = (tuple(Event(label, 0.0, 1.0) for label in labels),) if labels else ()
    return Item(name, (audio,), (caption,), labels, (name,), (name,), events)


def test_a_bag_of_events_ties_on_every_order_pair(tmp_path: Path, bank: EventBank, few: TestSet) -> None:
    result = run(BagOfEvents(), "control:bag-of-events", "scenes-order", TaskInputs(bank), tmp_path, 0, few).result
    assert [result.metrics[name]["value"] for name in ("text", "audio", "group", "ties")] == [0, 0, 0, 1]
    scores = np.array([one["scores"] for one in result.items])
    assert (scores == 1).all()  # it knows that both sounds are there


def test_a_bag_of_events_finds_what_has_the_same_events() -> None:
    labels = [("dog bark", "siren"), ("siren", "rain"), ("rain",), ("small dog bark", "rain")]
    captions = ["dog bark, then siren", "rain and, later, a siren", "nothing but rain", "A small dog bark over rain"]
    items = [item(str(n), noise(n), captions[n], labels[n]) for n in range(4)]
    oracle = BagOfEvents()
    oracle.prepare(items)
    (scores,) = oracle.score([([one.audio[0] for one in items], [*captions, "a fire"])])
    assert (scores.argmax(axis=1) == np.arange(4)).all()
    assert (np.diag(scores) == 1).all()
    assert scores[3, 0] == 0  # a small dog bark is another label than a dog bark
    assert scores[0, 1] == pytest.approx(1 / 3)
    assert (scores[:, 4] == 0).all()


def test_a_bag_of_words_where_events_are_not_known() -> None:
    captions = ["A dog barks before a siren wails", "Rain falls while people talk"]
    items = [item(str(n), Path(f"{n}.wav"), caption) for n, caption in enumerate(captions)]
    oracle = BagOfEvents()
    oracle.prepare(items)
    texts = [captions[0], "A siren wailing after a dog is barking", captions[1]]
    (scores,) = oracle.score([([Path("0.wav"), Path("1.wav")], texts)])
    assert scores.tolist() == [[1, 1, 0], [0, 0, 1]]
    with pytest.raises(ValueError, match="must be prepared"):
        oracle.score([([Path("2.wav")], texts)])


def test_a_bag_of_events_of_labelled_sounds_and_of_several_captions() -> None:
    labelled = [Item(str(n), (noise(n),), (), (label,), (), ()) for n, label in enumerate(["dog_bark", "rain"])]
    oracle = BagOfEvents()
    oracle.prepare(labelled)
    (scores,) = oracle.score([([item.audio[0] for item in labelled], ["the sound of a dog bark", "This is RAIN."])])
    assert scores.tolist() == [[1, 0], [0, 1]]
    captioned = [
        Item("0", (Path("0.wav"),), ("a dog barks", "a hound in the distance"), (), (), ()),
        Item("1", (Path("1.wav"),), ("rain",), (), (), ()),
    ]
    oracle.prepare(captioned)
    (scores,) = oracle.score([([Path("0.wav"), Path("1.wav")], ["a hound", "rain"])])
    assert scores[0, 0] > scores[0, 1] == 0 == scores[1, 0] < scores[1, 1] == 1


def test_a_model_is_never_prepared(tmp_path: Path, bank: EventBank, few: TestSet) -> None:
    with pytest.raises(ValueError, match="must be prepared"):
        run(BagOfEvents(), "cheat", "scenes-order", TaskInputs(bank), tmp_path, 0, few)


def test_text_only_learns_what_distractors_read_like() -> None:
    rng = np.random.default_rng(0)
    words = ["dog", "rain", "siren", "engine", "bird", "door"]

    def made_up(lead: str) -> str:
        return f"{lead} {' '.join(rng.choice(words, 3))} {rng.integers(1000)}"

    captions, distractors = ([made_up(lead) for _ in range(2 * MIN_TEXTS)] for lead in ("a", "a strange"))
    items = [item(str(n), noise(n, 10), caption) for n, caption in enumerate(captions)]
    texts = [text for pair in zip(captions, distractors, strict=True) for text in pair]
    reader = TextOnly()
    (blind,) = reader.score([([noise(0)], texts)])
    assert np.mean(blind[0, ::2] > blind[0, 1::2]) < 0.1  # untold, it takes the longer one
    reader.prepare(items)
    (scores, again) = reader.score([([noise(0), noise(1)], texts), ([noise(2)], texts[::-1])])
    assert np.mean(scores[0, ::2] > scores[0, 1::2]) > 0.95
    assert (scores[0] == scores[1]).all()
    assert (again[0] == scores[0, ::-1]).all()


def test_text_only_cannot_learn_a_text_by_heart() -> None:
    rng = np.random.default_rng(1)
    texts = [f"{rng.integers(10**9)} {rng.integers(10**9)}" for _ in range(4 * MIN_TEXTS)]
    reader = TextOnly()
    reader.prepare([item(str(n), noise(n, 10), text) for n, text in enumerate(texts[::2])])
    (scores,) = reader.score([([noise(0)], texts)])
    assert np.mean(scores[0, ::2] > scores[0, 1::2]) < 0.65


def test_audio_only_prefers_the_louder_the_longer_and_the_brighter(tmp_path: Path) -> None:
    time = np.arange(RATE) / RATE
    low, high = ((np.sin(2 * np.pi * hertz * time) / 2).astype(np.float32) for hertz in (500, 4000))
    stereo = tmp_path / "low.flac"
    soundfile.write(stereo, np.stack([np.repeat(low, 2)] * 2, axis=1), 2 * RATE)
    audios: list[Audio] = [(low, RATE), (high, RATE), (low / np.float32(10), RATE), (np.tile(low, 3), RATE), stereo]
    (scores,) = AudioOnly().score([(audios, ["x", "y"])])
    assert (scores[:, 0] == scores[:, 1]).all()
    plain, bright, quiet, long, file = scores[:, 0]
    assert bright - plain == pytest.approx(3.5, abs=0.01)  # kHz
    assert plain - quiet == pytest.approx(20, abs=0.01)  # dB
    assert long - plain == pytest.approx(2, abs=0.01)  # s
    assert file == pytest.approx(plain, abs=0.3)


def test_the_controls_that_know_the_items() -> None:
    known = {name for name in controls() if isinstance(open_scorer(f"control:{name}"), NeedsItems)}
    assert known == {"text-only", "bag-of-events"}


def test_controls_on_every_item_of_both_tasks(bank: EventBank) -> None:
    for name in ("scenes-order", "scenes-attribute"):
        task = find_task(name)
        test_set = task.prepare(TaskInputs(bank))
        assert test_set.data["found"] == test_set.data["expected"] == len(test_set.items) == 400
        for control in ("constant", "text-only", "audio-only", "bag-of-events"):
            scorer = open_scorer(f"control:{control}")
            if isinstance(scorer, NeedsItems):
                scorer.prepare(test_set.items)
            metrics = task.run(scorer, control, test_set, 0).metrics
            assert [metrics[metric]["value"] for metric in ("text", "audio", "group", "ties")] == [0, 0, 0, 1]
            assert metrics["group"]["low"] == 0
        metrics = task.run(open_scorer("control:random", seed=0), "random", test_set, 0).metrics
        assert metrics["ties"]["value"] == 0
        for metric in ("text", "audio", "group"):
            values = metrics[metric]
            assert values["low"] <= values["chance"] <= values["high"], (name, metric, values)


def test_random_repeats_and_follows_its_seed_and_the_questions() -> None:
    group: Group = ((noise(0), noise(1)), ("x", "y"))
    other: Group = ((noise(0), noise(1)), ("x", "z"))
    first = open_scorer("control:random", seed=1).score([group, group])
    np.testing.assert_array_equal(first, open_scorer("control:random", seed=1).score([group, group]))
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first, open_scorer("control:random", seed=2).score([group, group]))
    assert not np.array_equal(first, open_scorer("control:random", seed=1).score([other, group]))


def test_text_only_hears_nothing_and_audio_only_reads_nothing(tmp_path: Path) -> None:
    import soundfile

    quiet, loud = (noise(0, 2000)[0] * 0.01, 16000), noise(0, 2000)
    soundfile.write(tmp_path / "loud.wav", loud[0] / 10, 16000)
    audios: list[Audio] = [quiet, loud, tmp_path / "loud.wav", (np.zeros(0, np.float32), 16000)]
    (by_text,) = open_scorer("control:text-only").score([(audios, ["long caption", "short", "shor2", "short"])])
    assert (by_text == by_text[0]).all()
    assert by_text[0, 0] > by_text[0, 1] == by_text[0, 3] != by_text[0, 2]
    (by_audio,) = open_scorer("control:audio-only").score([(audios, ["x", "y"])])
    assert (by_audio[:, 0] == by_audio[:, 1]).all()
    assert by_audio[1, 0] > by_audio[2, 0] > by_audio[0, 0] > by_audio[3, 0]
