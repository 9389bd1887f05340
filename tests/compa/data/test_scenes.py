from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

from compa.data.batch import Batch, Example, Text, collate
from compa.data.partition import BatchPartition
from compa.data.scenes import EDIT_SCHEDULE, SceneBatches, SceneData
from compa.data.twin_examples import TRAINING_EDITS, TextCounts, TwinExamples
from compa.scenes.banks.augmented import AugmentedBank
from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.open import open_bank
from compa.scenes.claims import Truth, parse
from compa.scenes.holdout import held_out_pairs, training_pairs
from tests.compa.scenes.sound_files import beep, write, write_csv

TWO_NEGATIVES = TextCounts(num_negatives=2)


def batches(
    bank: EventBank,
    counts: TextCounts = TWO_NEGATIVES,
    kinds: Sequence[str] = EDIT_SCHEDULE,
    **changes: int | bool | BatchPartition,
) -> SceneBatches:
    settings = {"num_batches": 4, "batch_size": 8, "twins_together": True, "seed": 3} | changes
    pairs = training_pairs(bank.labels)
    twins = [TwinExamples(kind, bank.split("train"), pairs, counts) for kind in kinds]
    return SceneBatches(twins, **settings)  # type: ignore[arg-type]


def clips(some: list[Batch]) -> dict[str, tuple[str, bytes]]:
    return {
        example.id: (example.caption, waveform.numpy().tobytes())
        for batch in some
        for example, waveform in zip(batch.examples, batch.waveforms, strict=True)
    }


def test_a_batch_is_a_pure_function_of_seed_and_number(tone_bank: EventBank) -> None:
    one, again = batches(tone_bank)[2], batches(tone_bank)[2]
    torch.testing.assert_close(one.waveforms, again.waveforms, rtol=0, atol=0)
    assert (one.captions, one.extras) == (again.captions, again.extras)
    assert clips([one]) != clips([batches(tone_bank, seed=4)[2]])
    assert not clips([one]).keys() & clips([batches(tone_bank)[3]]).keys()


def test_twins_together_or_apart_every_two_batches_hold_the_same_clips(tone_bank: EventBank) -> None:
    together, apart = batches(tone_bank), batches(tone_bank, twins_together=False)
    for first in (0, 2):
        assert clips([together[first], together[first + 1]]) == clips([apart[first], apart[first + 1]])
    for number in range(4):
        ids = {example.id for example in together[number].examples}
        assert all(example.twin in ids for example in together[number].examples)
        ids = {example.id for example in apart[number].examples}
        assert not any(example.twin in ids for example in apart[number].examples)


@pytest.mark.parametrize("twins_together", [True, False])
@pytest.mark.parametrize(("num_ranks", "num_steps"), [(2, 1), (4, 1), (1, 2), (2, 2)])
def test_the_batch_of_all_ranks_and_steps_is_the_same_for_any_number(
    tone_bank: EventBank, twins_together: bool, num_ranks: int, num_steps: int
) -> None:
    whole = batches(tone_bank, twins_together=twins_together)
    parts = [
        batches(tone_bank, twins_together=twins_together, partition=BatchPartition(rank, num_ranks, num_steps))
        for rank in range(num_ranks)
    ]
    assert {len(part) for part in parts} == {4 * num_steps}
    for number in range(4):
        elements = [part[number * num_steps + step] for step in range(num_steps) for part in parts]
        together = [example.id for element in elements for example in element.examples]
        assert together == [example.id for example in whole[number].examples]
        assert {len(element.examples) for element in elements} == {8 // (num_ranks * num_steps)}


def test_sizes_that_do_not_divide_are_refused_with_the_nearest_that_do(tone_bank: EventBank) -> None:
    with pytest.raises(ValueError, match=r"batch_size 18 does not divide into twins on 2 ranks.* 16 or 20"):
        batches(tone_bank, batch_size=18, partition=BatchPartition(0, 2))
    with pytest.raises(ValueError, match=r"clips on 2 ranks x 3 accumulated steps.* 12 or 18"):
        batches(tone_bank, batch_size=16, partition=BatchPartition(0, 2, 3), twins_together=False)
    for size in (1, 0, -3):
        with pytest.raises(ValueError, match=r"twins on 1 rank.* 2"):
            batches(tone_bank, batch_size=size)


def test_captions_are_true_negatives_false_and_held_out_pairs_never_seen(tone_bank: EventBank) -> None:
    held_out = held_out_pairs(tone_bank.labels)
    trained = set(training_pairs(tone_bank.labels))
    test_recordings = {name for label in tone_bank.labels for name in tone_bank.split("test").recordings(label)}
    assert test_recordings
    kinds = set()
    for number in range(4):
        batch = batches(tone_bank, TextCounts(2, 1))[number]
        for example in batch.examples:
            assert example.claim is not None
            assert parse(example.claim).judge(example.events) is Truth.TRUE
            negative_claims = [text.claim for text in example.extras if not text.is_positive]
            assert len(negative_claims) == len(example.extras) == 3
            for claim in negative_claims:
                assert claim is not None
                assert parse(claim).judge(example.events) is Truth.FALSE
                assert tuple(sorted(parse(claim).labels())) in trained
            heard = {event.label for event in example.events}
            *swapped, replaced = (parse(claim).labels() for claim in negative_claims if claim)
            assert all(labels == heard for labels in swapped)
            assert len(replaced & heard) == 1
            first, second = sorted(event.label for event in example.events)
            assert (first, second) not in held_out
        of_batch = {example.kind for example in batch.examples}
        assert len(of_batch) == 1
        kinds |= of_batch
        assert batch.owner.tolist() == [row for row in range(8) for _ in range(3)]
        assert not batch.is_positive.any()
        assert len(batch.claims) == 8 + 24
    assert kinds == {"order", "attribute-swap"}


def test_collate_pads_with_zeros_and_lines_up_texts() -> None:
    one = Example("a", np.ones(3, np.float32), "x", extras=(Text("p", None, is_positive=True),))
    two = Example("b", np.ones(5, np.float32), "y", "claim", extras=(Text("n", "c"), Text("m")))
    batch = collate([one, two])
    assert batch.waveforms.tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]]
    assert batch.lengths.tolist() == [3, 5]
    assert batch.extras == ["p", "n", "m"]
    assert batch.owner.tolist() == [0, 1, 1]
    assert batch.is_positive.tolist() == [True, False, False]
    assert batch.claims == [None, "claim", None, "c", None]


def test_the_run_folder_learns_what_is_held_out(tone_folder: Path, tone_bank: EventBank) -> None:
    data = SceneData(str(tone_folder))
    held_out = data.held_out()
    assert set(held_out.pairs) == held_out_pairs(tone_bank.labels)
    trained = {name for label in tone_bank.labels for name in tone_bank.split("train").recordings(label)}
    assert held_out.recordings
    assert not trained & set(held_out.recordings)


def test_training_texts_have_all_labels_and_words(tone_folder: Path, tone_bank: EventBank) -> None:
    texts = list(SceneData(str(tone_folder)).training_texts())
    assert texts == list(SceneData(str(tone_folder)).training_texts())
    assert set(tone_bank.labels) <= set(texts)
    words = {word for text in texts for word in text.replace(",", "").split()}
    assert {"then", "after", "in", "wake", "loud", "foreground", "faint", "alongside", "recorded", "whistle"} <= words


def test_augmented_snippets_keep_label_length_and_determinism(tone_bank: EventBank) -> None:
    augmented = AugmentedBank(tone_bank.split("train"))
    assert augmented.labels == tone_bank.labels
    pitches = []
    for seed in range(40):
        snippet = augmented.sample("whistle", np.random.default_rng(seed), duration=1.2)
        again = augmented.sample("whistle", np.random.default_rng(seed), duration=1.2)
        np.testing.assert_array_equal(snippet.waveform, again.waveform)
        assert snippet.waveform.dtype == np.float32
        assert abs(len(snippet.waveform) - 1.2 * 16000) <= 2
        pitches.append(np.argmax(np.abs(np.fft.rfft(snippet.waveform, 32000))) / 2)
    assert 1000 * 0.9 / 1.61 < min(pitches) < 750
    assert 1350 < max(pitches) < 1000 * 1.1 * 1.61


def test_an_augmented_voice_stays_that_of_its_speaker(speech_bank: EventBank) -> None:
    augmented = AugmentedBank(speech_bank.split("train"))
    bob = [augmented.sample("bob says one", np.random.default_rng(seed)).waveform for seed in range(40)]
    pitches = [np.argmax(np.abs(np.fft.rfft(waveform, 32000))[150:300]) / 2 + 75 for waveform in bob]
    assert 110 / 1.11 < min(pitches) < 105 < 115 < max(pitches) < (110 + 5) * 1.11


@pytest.fixture(scope="module")
def speech_bank(tmp_path_factory: pytest.TempPathFactory) -> EventBank:
    """Three voices that say four words, six times each."""
    folder = tmp_path_factory.mktemp("speech")
    lines = ["file,label,speaker"]
    for speaker, pitch in {"ann": 220.0, "bob": 110.0, "cem": 150.0}.items():
        for word, harmonic in {"one": 2, "two": 3, "three": 5, "four": 8}.items():
            for take in range(6):
                both = beep(0.5, pitch + take) + beep(0.5, (pitch + take) * harmonic)
                sound = write(folder / f"{word}_{speaker}_{take}.wav", (both / 2).astype(np.float32))
                lines.append(f"{sound},{word},{speaker}")
    return open_bank(write_csv(folder / "speech.csv", "\n".join(lines)))


@pytest.mark.parametrize("kind", TRAINING_EDITS)
def test_every_kind_of_twins_has_true_captions_and_false_negatives(
    speech_bank: EventBank, tone_bank: EventBank, kind: str
) -> None:
    bank = speech_bank if kind == "binding" else tone_bank
    batch = batches(bank, TextCounts(1, 1, 2), (kind,))[0]
    rows = {example.id: row for row, example in enumerate(batch.examples)}
    trained = set(training_pairs(bank.labels))
    for example in batch.examples:
        twin = batch.examples[rows[example.twin or ""]]
        assert twin.twin == example.id
        assert example.kind == kind
        assert [text.is_positive for text in example.extras] == [True, True, False, False]
        for text in (Text("", example.claim, is_positive=True), *example.extras):
            expected = Truth.TRUE if text.is_positive else Truth.FALSE
            assert parse(text.claim or "").judge(example.events) is expected
        assert parse(example.claim or "").judge(twin.events) is Truth.FALSE
        heard = sorted({event.label for event in example.events})
        assert set(combinations(heard, 2)) <= trained
    assert len(set(batch.lengths.tolist())) == 1


def test_further_texts_change_neither_clips_nor_captions(tone_bank: EventBank) -> None:
    few, many = batches(tone_bank, TextCounts())[1], batches(tone_bank, TextCounts(1, 1, 3))[1]
    assert len(few.extras) == 0
    assert len(many.extras) == 8 * 5
    assert many.is_positive.sum() == 8 * 3
    assert few.captions[0] == many.captions[0]  # what comes later in the twins' chances differs


def test_a_bank_of_voices_is_trained_on_who_says_what(speech_bank: EventBank, tone_folder: Path) -> None:
    data = SceneData(str(tone_folder))
    assert "binding" not in data.kinds
    data._opened = speech_bank
    assert "binding" in data.kinds
    texts = " ".join(data.training_texts())
    assert "ann says two" in texts
    with pytest.raises(ValueError, match=r"'bindings'.*'binding'"):
        TwinExamples("bindings", speech_bank, [], TextCounts())
    with pytest.raises(ValueError, match="no speakers"):
        TwinExamples("binding", open_bank(str(tone_folder)), [], TextCounts())


def test_auxiliary_sounds_are_combined_with_a_banks_labels_but_held_out_pairs_stay_held_out(
    tone_folder: Path, tone_bank: EventBank
) -> None:
    data = SceneData(str(tone_folder), auxiliary_sounds=True)
    own, held_out = set(tone_bank.labels), held_out_pairs(tone_bank.labels)
    seen = set()
    for make in data._twins()[:2]:
        for number in range(150):
            first, _ = make(str(number), np.random.default_rng([1, number]))
            heard = {event.label for event in first.events}
            assert heard & own
            assert not held_out & set(combinations(sorted(heard), 2))
            assert parse(first.claim or "").judge(first.events) is Truth.TRUE
            seen.add(len(heard & own))
    assert seen == {1, 2}
    assert data.held_out() == SceneData(str(tone_folder)).held_out()
    texts = " ".join(data.training_texts())
    assert "owl hoot" in texts
    assert "car horn" not in texts  # the bank has a horn already
    with pytest.raises(ValueError, match="auxiliary_sounds"):
        list(SceneData(auxiliary_sounds=True).training_texts())
    with pytest.raises(ValueError, match=r"guests .*auxiliary_sounds: true"):
        SceneData(str(tone_folder), guests=True)


def test_scenes_have_the_rate_of_the_model(tone_folder: Path) -> None:
    data = SceneData(str(tone_folder), batch_size=2, num_batches=1, sample_rate=8000)
    (batch,) = data.train_dataloader()
    assert batch.waveforms.shape == (2, 8000 * 4)
