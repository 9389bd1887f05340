"""The composed tasks: what is held out, what is true, and that neither words nor sounds alone give an item away."""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from benchmarks.items import Group, Item, Scores
from benchmarks.models.controls import controls
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs, TestSet
from compa.manifest import Event
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.banks.synthesizer import Synthesizer
from compa.scenes.claims import Claim, Truth
from compa.scenes.holdout import held_out_pairs
from compa.scenes.speech import speaker_and_words
from tests.compa.scenes.claim_reader import Reader

COMPOSED = {
    "scenes-absence": {"alone", "beside"},
    "scenes-binding": {"loudness", "pitch", "duration", "distance"},
    "scenes-count": {"2-3", "2-4", "3-4"},
    "scenes-mention-time": {"forward-forward", "forward-backward", "backward-forward", "backward-backward"},
    "scenes-nesting": {"depth-2", "depth-3", "depth-4"},
    "scenes-overlap": {"when", "with-whom"},
}
NUM = 120


@pytest.fixture(scope="module", params=COMPOSED)
def test_set(request: pytest.FixtureRequest, bank: EventBank) -> TestSet:
    return find_task(request.param).prepare(TaskInputs(bank), limit=NUM)


@pytest.fixture(scope="module")
def speakers(tmp_path_factory: pytest.TempPathFactory) -> EventBank:
    """Five voices, each a pitch of its own, that say five words, each a rhythm of its own."""
    folder = tmp_path_factory.mktemp("speakers")
    rng = np.random.default_rng(0)
    time = np.arange(8000) / 16000
    rows = []
    for voice, speaker in enumerate(("george", "jackson", "lucas", "nicolas", "theo")):
        for rhythm, word in enumerate(("one", "two", "three", "four", "five")):
            for take in range(4):
                tone = np.sin(2 * np.pi * 200 * 1.5**voice * rng.uniform(0.95, 1.05) * time)
                beat = 0.55 + 0.45 * np.sin(2 * np.pi * (2 + 2 * rhythm) * time + rng.uniform(0, 6))
                name = f"{word}_{speaker}_{take}.wav"
                soundfile.write(folder / name, 0.4 * tone * beat, 16000)
                rows.append([name, word, speaker, "test" if take < 2 else "train"])
    with (folder / "spoken.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "label", "speaker", "split"], *rows])
    return open_bank(folder / "spoken.csv")


# What is held out


def test_pairs_are_held_out_and_take_turns_as_kinds_do(test_set: TestSet, bank: EventBank) -> None:
    name = test_set.items[0].id.rpartition("-")[0]
    uses = Counter(tuple(sorted(item.labels[:2])) for item in test_set.items)
    assert set(uses) <= held_out_pairs(bank.labels)
    assert max(uses.values()) - min(uses.values()) <= 1
    kinds = Counter(item.kind for item in test_set.items)
    assert set(kinds) == COMPOSED[name]
    if name != "scenes-binding":  # what is low already cannot be moved down
        assert max(kinds.values()) - min(kinds.values()) <= 1
    for kind in kinds:
        first_is_smaller = np.mean([i.labels[0] < i.labels[1] for i in test_set.items if i.kind == kind])
        assert 0.2 < first_is_smaller < 0.8


def test_every_pair_meets_every_kind() -> None:
    """Also where the number of pairs is a multiple of the number of kinds."""
    few = Synthesizer(16000, labels=Synthesizer().labels[:7])
    assert len(held_out_pairs(few.labels)) == 8
    met = Counter(
        (tuple(sorted(item.labels)), item.kind)
        for item in find_task("scenes-mention-time").prepare(TaskInputs(few), limit=32).items
    )
    assert set(met.values()) == {1}
    assert len(met) == 32


def test_sounds_are_test_recordings(test_set: TestSet, bank: EventBank) -> None:
    train, test = bank.split("train"), bank.split("test")
    for item in test_set.items:
        assert {credit.label for credit in item.credits} <= set(item.labels)
        assert set(item.labels) == {event.label for events in item.events for event in events}
        assert item.recordings == tuple(credit.recording for credit in item.credits)
        for credit in item.credits:
            assert credit.recording in test.recordings(credit.label)
            assert credit.recording not in train.recordings(credit.label)


# What is true


def read(text: str, labels: Sequence[str]) -> Claim:
    """The claim of a caption, by the reader that does not know the grammar."""
    for number, label in sorted(enumerate(labels), key=lambda pair: -len(pair[1])):
        text = text.replace(label, f"L{number}")
    return Reader(text).claim()


def test_texts_are_true_of_their_own_audio_only(test_set: TestSet) -> None:
    for item in test_set.items:
        timelines = [
            [replace(event, label=f"L{item.labels.index(event.label)}") for event in events] for events in item.events
        ]
        assert len(set(item.captions + item.paraphrases)) == 4
        for number, text in enumerate(item.captions + item.paraphrases):
            verdicts = [read(text, item.labels).judge(events) for events in timelines]
            own, other = verdicts[number % 2], verdicts[1 - number % 2]
            assert (own, other) == (Truth.TRUE, Truth.FALSE), (item.id, text, item.events)


def test_twins_have_one_length_and_level_and_are_not_the_same(test_set: TestSet) -> None:
    for item in test_set.items:
        (first, rate), (second, other_rate) = item.audio  # type: ignore[misc]
        assert rate == other_rate
        assert first.shape == second.shape
        assert len(first) / rate in (4.0, 6.0, 10.0)
        assert not np.array_equal(first, second)
        levels = [np.sqrt(np.mean(np.square(wave, dtype=np.float64))) for wave in (first, second)]
        assert levels[0] == pytest.approx(levels[1], rel=1e-3)
        assert max(np.abs(first).max(), np.abs(second).max()) <= 1.0


# What gives nothing away


def text_auc(items: Sequence[Item]) -> float:
    """How well words, pairs of words and length tell the texts of first scenes from those of second ones."""
    texts = [text for item in items for text in item.captions + item.paraphrases]
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\w+|[^\w\s]").fit_transform(texts)
    sides = [row % 2 for row in range(len(texts))]
    groups = [row // 4 for row in range(len(texts))]
    guess = cross_val_predict(
        LogisticRegression(C=0.3, max_iter=2000), counts, sides, groups=groups, cv=GroupKFold(5), method="predict_proba"
    )
    return float(roc_auc_score(sides, guess[:, 1]))


def test_words_do_not_tell_which_caption_is_true(test_set: TestSet) -> None:
    assert text_auc(test_set.items) <= 0.60
    flawed = [replace(item, captions=(item.captions[0], item.captions[1] + " too")) for item in test_set.items]
    assert text_auc(flawed) > 0.60


@pytest.mark.parametrize("control", ["constant", "text-only", "audio-only"])
def test_controls_that_read_or_hear_only_score_nothing(test_set: TestSet, control: str) -> None:
    task = find_task(test_set.items[0].id.rpartition("-")[0])
    metrics = task.run(controls()[control](0), control, test_set, 0).metrics
    for name in ("group", "paraphrase"):
        assert metrics[name]["value"] == 0
    assert metrics["text" if control != "audio-only" else "audio"]["value"] == 0


class ByMention:
    """Takes the order of mention for that of time: hears well which of two sounds is first, and reads no connective."""

    def __init__(self, test_set: TestSet) -> None:
        self.items = test_set.items

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        scores = []
        for item, (_, texts) in zip(self.items, groups, strict=True):
            a, b = item.labels
            mentions_a = [text.index(a) < text.index(b) for text in texts]
            hears_a = [min(events, key=lambda event: event.onset).label == a for events in item.events]
            scores.append(np.array([[float(heard == said) for said in mentions_a] for heard in hears_a]))
        return scores


def test_who_takes_mention_for_time_scores_a_quarter(bank: EventBank) -> None:
    task = find_task("scenes-mention-time")
    test_set = task.prepare(TaskInputs(bank), limit=NUM)
    metrics = task.run(ByMention(test_set), "by mention", test_set, 0).metrics
    assert [metrics[name]["value"] for name in ("text", "audio", "group", "paraphrase")] == [0.25, 0.25, 0.25, 0]
    cells = {name: metrics[f"group_{name}"]["value"] for name in COMPOSED["scenes-mention-time"]}
    assert cells.pop("forward-forward") == 1
    assert set(cells.values()) == {0}
    in_time_order = [
        says_first(item.captions[0], min(item.events[0], key=lambda event: event.onset).label, item.events[0])
        for item in test_set.items
    ]
    assert np.mean(in_time_order) == 0.5


# The fixed properties of scenes-order and scenes-attribute, on all items


@pytest.fixture(scope="module", params=["scenes-order", "scenes-attribute"])
def two_sounds(request: pytest.FixtureRequest, bank: EventBank) -> TestSet:
    return find_task(request.param).prepare(TaskInputs(bank))


def level(wave: NDArray[np.float32]) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(np.square(wave, dtype=np.float64)))))


def gap_of(events: Sequence[Event]) -> float:
    """Seconds between two sounds; below 0 they overlap."""
    first, second = sorted(events, key=lambda event: event.onset)
    return second.onset - first.offset


def check_order(events: Sequence[Event], wave: NDArray[np.float32], rate: int) -> None:
    """One sound after the other, at equal RMS."""
    assert -1e-6 <= gap_of(events) <= 0.5
    levels = [level(wave[round(event.onset * rate) : round(event.offset * rate)]) for event in events]
    assert levels[0] == pytest.approx(levels[1], abs=0.01)
    assert {event.level_db for event in events} == {0.0}


def check_loudness(events: Sequence[Event], _: NDArray[np.float32], __: int) -> None:
    """Both sounds at once, one of them louder."""
    assert -gap_of(events) >= 0.5 * min(event.offset - event.onset for event in events)
    quiet, loud = sorted(event.level_db or 0.0 for event in events)
    assert 6.0 <= round(loud - quiet, 6) <= 12.0


def says_first(text: str, label: str, events: Sequence[Event]) -> bool:
    return text.index(label) == min(text.index(event.label) for event in events)


def test_all_items_have_the_fixed_properties(two_sounds: TestSet, bank: EventBank) -> None:
    is_order = two_sounds.items[0].id.startswith("scenes-order")
    held_out, test = held_out_pairs(bank.labels), bank.split("test")
    assert len(two_sounds.items) >= 400
    uses = Counter(tuple(sorted(item.labels)) for item in two_sounds.items)
    assert set(uses) == held_out
    assert len(held_out) >= max(8, 0.15 * len(bank.labels) * (len(bank.labels) - 1) / 2)
    assert max(uses.values()) - min(uses.values()) <= 1
    mentions: Counter[bool] = Counter()
    for item in two_sounds.items:
        (first, rate), (second, other_rate) = item.audio  # type: ignore[misc]
        assert rate == other_rate
        assert len(first) == len(second) == 4 * rate
        assert level(first) == pytest.approx(level(second), abs=0.01)
        assert len(item.labels) == len(item.recordings) == 2
        assert all(name in test.recordings(name.split("/")[0]) for name in item.recordings)
        spans = []
        for events, wave in zip(item.events, (first, second), strict=True):
            assert sorted(event.label for event in events) == sorted(item.labels)
            assert all(1.5 - 2e-6 < event.offset - event.onset < 2.0 + 2e-6 for event in events)  # in microseconds
            assert all(event.onset >= 0 and event.offset <= 4.0 for event in events)
            (check_order if is_order else check_loudness)(events, wave, rate)
            spans.append(sorted((event.onset, event.offset, "" if is_order else event.label) for event in events))
        assert spans[0][0][0] == spans[1][0][0]  # the edit moves neither the start nor the end of the whole
        assert spans[0][1][1] == spans[1][1][1]
        assert is_order or spans[0] == spans[1]
        for number, text in enumerate(item.captions):
            timelines = [
                [replace(event, label=f"L{item.labels.index(event.label)}") for event in events]
                for events in item.events
            ]
            verdicts = [read(text, item.labels).judge(events) for events in timelines]
            assert verdicts == ([Truth.TRUE, Truth.FALSE] if number == 0 else [Truth.FALSE, Truth.TRUE])
            key = (lambda event: event.onset) if is_order else (lambda event: -(event.level_db or 0.0))
            mentions[says_first(text, min(item.events[number], key=key).label, item.events[number])] += 1
        words = [sorted(re.findall(r"\w+|[^\w\s]", caption)) for caption in item.captions]
        assert words[0] == words[1]
        assert item.captions[0] != item.captions[1]
    assert 0.4 < mentions[True] / mentions.total() < 0.6  # mention order says nothing about time, or level


def test_the_first_scene_is_the_edit_in_half_of_the_items(two_sounds: TestSet) -> None:
    first_is_smaller = np.mean([item.labels[0] < item.labels[1] for item in two_sounds.items])
    assert 0.4 < first_is_smaller < 0.6
    assert text_auc(two_sounds.items) <= 0.55


# Kinds and paraphrases in results


class Knowing:
    """Knows the true pairs, but for the paraphrases of some items."""

    def __init__(self, blind_to: Sequence[bool]) -> None:
        self.blind_to = blind_to

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        right = np.tile(np.eye(2), 2)
        blind = right * [1, 1, 0, 0]
        return [blind if lost else right for lost in self.blind_to]


def test_kinds_and_paraphrases_are_told_apart_in_results(bank: EventBank) -> None:
    task = find_task("scenes-nesting")
    test_set = task.prepare(TaskInputs(bank), limit=12)
    blind = [item.kind == "depth-3" for item in test_set.items]
    result = task.run(Knowing(blind), "knowing", test_set, 0)
    values = {name: metric["value"] for name, metric in result.metrics.items()}
    assert values["group"] == values["group_depth-3"] == values["paraphrase_depth-4"] == 1
    assert values["paraphrase"] == pytest.approx(2 / 3)
    assert values["paraphrase_depth-3"] == values["ties"] == 0
    assert result.metrics["paraphrase"]["chance"] == result.metrics["paraphrase_depth-2"]["chance"] == 1 / 9
    assert [item["kind"] for item in result.items] == [item.kind for item in test_set.items]
    assert [item["correct"]["paraphrase"] for item in result.items] == [not lost for lost in blind]
    assert np.shape(result.items[0]["scores"]) == np.shape(result.items[0]["paraphrase_scores"]) == (2, 2)


# Speakers


def test_a_bank_of_speakers_is_asked_who_says_what(speakers: EventBank) -> None:
    items = find_task("scenes-binding").prepare(TaskInputs(speakers), limit=40).items
    held_out = held_out_pairs(speakers.labels)
    assert {item.kind for item in items} == {"voices", "words"}
    for item in items:
        scenes = [[speaker_and_words(event.label) for event in events] for events in item.events]
        (one, other), (swapped, other_swapped) = ([speech or ("", "") for speech in scene] for scene in scenes)
        place = 1 if item.kind == "voices" else 0  # what stays where it was: words, or voices
        assert (one[place], other[place]) == (swapped[place], other_swapped[place])
        assert (one[1 - place], other[1 - place]) == (other_swapped[1 - place], swapped[1 - place])
        for events in item.events:
            assert tuple(sorted(event.label for event in events)) in held_out
        for speaker, words in (one, other):
            assert all(speaker in text and words in text for text in item.captions + item.paraphrases)
    assert text_auc(items) <= 0.60


def test_a_bank_that_cannot_serve_is_told_in_a_sentence(speakers: EventBank, bank: EventBank) -> None:
    few = Synthesizer(16000, labels=bank.labels[:4])
    with pytest.raises(ValueError, match=r"scenes-nesting .* 5 labels; built-in has 4"):
        find_task("scenes-nesting").prepare(TaskInputs(few))
    assert len(find_task("scenes-overlap").prepare(TaskInputs(few), limit=4).items) == 4

    class Alone:
        """One speaker."""

        name, labels = "alone", tuple(label for label in speakers.labels if label.startswith("theo"))

    with pytest.raises(ValueError, match=r"two speakers.*alone"):
        find_task("scenes-binding").prepare(TaskInputs(Alone()))  # type: ignore[arg-type]

    class Short:
        """Recordings that are too short to be heard."""

        def __init__(self, whole: EventBank) -> None:
            self.name, self.labels, self.sample_rate = whole.name, whole.labels, whole.sample_rate
            self.whole, self.split, self.fingerprint = whole, lambda _: self, whole.fingerprint

        def sample(self, label, rng, **attributes):  # type: ignore[no-untyped-def]
            return self.whole.sample(label, rng, duration=0.1)

    with pytest.raises(ValueError, match="scenes-count cannot be made of the test recordings of built-in"):
        find_task("scenes-count").prepare(TaskInputs(Short(few)), limit=1)  # type: ignore[arg-type]


# Versions are fixed


def digest(items: Sequence[Item]) -> str:
    """A hash of what an item says, and of what sounds when in it."""
    told = [(item.id, item.captions, item.paraphrases, item.kind, item.labels, item.recordings, item.events)
            for item in items]  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:16]


def heard(items: Sequence[Item]) -> float:
    """A number that any change of a waveform moves: processors may round the last bit in their own way."""
    waves = [audio[0] for item in items for audio in item.audio if not isinstance(audio, Path)]
    return sum(float(wave @ np.sin(np.arange(len(wave)) * (1 + row))) for row, wave in enumerate(waves))


VERSIONS = {"scenes-order": 2, "scenes-attribute": 2, "scenes-binding": 2, "scenes-mention-time": 2}
PINNED = {
    "scenes-order": ("e25a2551c1e9983b", 16.31),
    "scenes-attribute": ("8c56bdaeecd2cb70", -26.4015),
    "scenes-absence": ("9e01bbbb7f01d14a", 141.1),
    "scenes-binding": ("db835557da27fa8c", 46.4787),
    "scenes-count": ("f2966e38a3e7446d", -40.469),
    "scenes-mention-time": ("c29367baf5be1dc3", 103.748),
    "scenes-nesting": ("49b54908c62b7672", 22.0143),
    "scenes-overlap": ("ef9eaefd9c2a439b", -57.1469),
}


@pytest.mark.parametrize("name", ["scenes-order", "scenes-attribute", *COMPOSED])
def test_a_version_is_the_same_items_for_ever(bank: EventBank, name: str) -> None:
    """Where this fails, scores stop being comparable: put it right, or raise the task's version."""
    task = find_task(name)
    assert task.version == VERSIONS.get(name, 1)
    items = task.prepare(TaskInputs(bank), limit=20).items
    assert digest(items) == PINNED[name][0]
    assert heard(items) == pytest.approx(PINNED[name][1], rel=1e-3)
