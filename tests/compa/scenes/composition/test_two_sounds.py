"""Twins of two sounds must be told apart by what they are about, and by nothing else."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from compa.audio.loudness import rms_level
from compa.data.scenes import SceneBatches
from compa.data.twin_examples import TextCounts, TwinExamples
from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import EventBank, MemoryBank
from compa.scenes.banks.recordings import Recording
from compa.scenes.claims import Then, Truth, While
from compa.scenes.composition.pairs import TwinScenes
from compa.scenes.composition.timeline import mix
from compa.scenes.composition.two_sounds import (
    LEVEL_DIFFERENCE_DB,
    MAX_GAP_SECONDS,
    PLANS,
    SCENE_SECONDS,
    TwoSounds,
    full_twins,
)
from compa.scenes.holdout import training_pairs

PAIR = ("horn", "whistle")


def draw(bank: EventBank, kind: str, number: int) -> list[TwinScenes]:
    scenes = TwoSounds(kind, bank, [PAIR])
    return [scenes.twins(np.random.default_rng(seed)) for seed in range(number)]


def test_order_twins_exchange_the_places_of_two_sounds(tone_bank: EventBank) -> None:
    gaps, starts, firsts = [], [], []
    for twins in draw(tone_bank, "order", 200):
        assert {timeline.events[0].label for timeline in twins.timelines} == set(PAIR)
        spans = []
        for timeline in twins.timelines:
            one, other = timeline.events
            assert {1.5 <= round(event.offset - event.onset, 4) <= 2.0 for event in (one, other)} == {True}
            assert other.offset <= SCENE_SECONDS
            assert one.level_db == other.level_db
            spans.append((one.onset, other.offset, other.onset - one.offset))
        assert spans[0] == pytest.approx(spans[1], abs=3e-6)
        gaps.append(spans[0][2])
        starts.append(spans[0][0])
        firsts.append(twins.timelines[0].events[0].label)
    assert -2e-6 <= min(gaps) < 0.01 < 0.4 < max(gaps) <= MAX_GAP_SECONDS
    assert min(starts) < 0.02 < 0.5 < max(starts)
    assert 70 < firsts.count("horn") < 130


def test_attribute_twins_exchange_the_levels_of_two_sounds(tone_bank: EventBank) -> None:
    differences, delays = [], []
    for twins in draw(tone_bank, "attribute-swap", 200):
        places = []
        for timeline in twins.timelines:
            one, other = sorted(timeline.events, key=lambda event: event.label)
            assert While(*PAIR).judge(timeline.events) is Truth.TRUE
            differences.append(abs((one.level_db or 0.0) - (other.level_db or 0.0)))
            delays.append(other.onset - one.onset)
            places.append((one.onset, one.offset, other.onset, other.offset))
        assert places[0] == places[1]
        loudest = [max(timeline.events, key=lambda event: event.level_db or 0.0).label for timeline in twins.timelines]
        assert sorted(loudest) == sorted(PAIR)
    low, high = LEVEL_DIFFERENCE_DB
    assert low <= min(differences) < low + 0.5 < high - 0.5 < max(differences) <= high
    assert min(delays) < -0.6 < 0.6 < max(delays)


@pytest.mark.parametrize("kind", PLANS)
def test_claims_are_proven_and_snippets_are_shared_at_equal_rms(tone_bank: EventBank, kind: str) -> None:
    for twins in draw(tone_bank, kind, 50):
        for i, claim in enumerate(twins.claims):
            assert claim.judge(twins.timelines[i].events) is Truth.TRUE
            assert claim.judge(twins.timelines[1 - i].events) is Truth.FALSE
        sounds = [{placed.node.label: placed.sound for placed in timeline.placed} for timeline in twins.timelines]
        assert all(sounds[0][label] is sounds[1][label] for label in PAIR)
        levels = [rms_level(sound.waveform, 16000) for sound in sounds[0].values()]
        assert levels[0] == pytest.approx(levels[1], abs=1e-3)


@pytest.mark.parametrize("kind", PLANS)
def test_the_same_generator_gives_the_same_twins(tone_bank: EventBank, kind: str) -> None:
    scenes = TwoSounds(kind, tone_bank, [PAIR])
    one, again, other = (mix(scenes.twins(np.random.default_rng(seed)).timelines) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    claims = [scenes.claims(np.random.default_rng(seed)) for seed in range(20)]
    assert len({str(claim) for pair in claims for claim in pair}) == (2 if kind == "order" else 4)
    assert isinstance(claims[0][0], Then if kind == "order" else While)


def tones(seconds: float) -> MemoryBank:
    time = np.arange(round(seconds * 16000)) / 16000
    return MemoryBank(
        "tones",
        16000,
        [
            Recording(label, f"{label}/{number}", Active.part_of(np.sin(hz * time).astype(np.float32), 16000))
            for label, hz in (("horn", 2500), ("whistle", 6000))
            for number in range(2)
        ],
    )


def test_short_recordings_make_short_sounds_where_there_are_no_others() -> None:
    rng = np.random.default_rng(0)
    twins = full_twins(TwoSounds("order", tones(0.6), [PAIR]), PAIR, rng)
    assert twins is not None
    assert {round(event.offset - event.onset, 1) for event in twins.timelines[0].events} == {0.6}
    with pytest.raises(ValueError, match="too short"):
        TwoSounds("order", tones(0.2), [PAIR]).twins(rng)
    assert full_twins(TwoSounds("order", tones(0.2), [PAIR]), PAIR, rng) is None


def surface(waveform: NDArray[np.float32]) -> list[float]:
    """Level, peak, sound at the edges, dips: nothing about which sound is first or louder."""
    frames = np.sqrt(np.mean(waveform.reshape(-1, 160) ** 2, axis=1) + 1e-12)
    steps = np.abs(np.diff(waveform))
    values = [
        np.sqrt(np.mean(waveform**2)),
        np.abs(waveform).max(),
        frames[:20].mean(),
        frames[-20:].mean(),
        np.count_nonzero(frames < 1e-4),
        steps.max(),
        np.argmax(frames > 1e-3),
        np.argmax(frames[::-1] > 1e-3),
    ]
    return [float(value) for value in values]


def surface_auc(bank: EventBank, kind: str, flaw: float = 1.0) -> float:
    """How well a classifier tells a scene from its edit by the surface; `flaw` is a gain of the edit."""
    scenes, rng = TwoSounds(kind, bank, training_pairs(bank.labels)), np.random.default_rng(0)
    features, is_edit, groups = [], [], []
    for number in range(600):
        twins = scenes.twins(rng)
        for side, waveform in enumerate(mix(twins.timelines)):
            features.append(surface(waveform * (flaw if side == twins.edited else 1.0)))
            is_edit.append(int(side == twins.edited))
            groups.append(number)
    classifier = ExtraTreesClassifier(50, min_samples_leaf=5, random_state=0)
    guess = cross_val_predict(classifier, features, is_edit, groups=groups, cv=GroupKFold(5), method="predict_proba")
    return float(roc_auc_score(is_edit, guess[:, 1]))


@pytest.mark.parametrize("kind", PLANS)
def test_a_scene_cannot_be_told_from_its_edit_by_its_surface(tone_bank: EventBank, kind: str) -> None:
    assert surface_auc(tone_bank, kind) <= 0.55
    assert surface_auc(tone_bank, kind, flaw=0.95) > 0.6  # an edit that is half a decibel quieter is found


def test_captions_cannot_be_told_from_their_hard_negatives_by_text(tone_bank: EventBank) -> None:
    """2,560 training captions against their own negatives: word 1- and 2-grams and length carry no information."""
    pairs = training_pairs(tone_bank.labels)
    twins = [TwinExamples(kind, tone_bank.split("train"), pairs, TextCounts(1, 1)) for kind in PLANS]
    batches = SceneBatches(twins, 40, 64, True, seed=0)
    examples = [example for number in range(1280) for example in batches.twins(number)]
    texts = [text for example in examples for text in (example.caption, *(extra.text for extra in example.extras))]
    is_true = [1, 0, 0] * len(examples)
    clips = [row for row in range(len(examples)) for _ in range(3)]
    counts = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+").fit_transform(texts)
    lengths = np.array([[len(text)] for text in texts])
    guess = cross_val_predict(
        LogisticRegression(max_iter=2000), hstack([counts, lengths / 50]).tocsr(), is_true, groups=clips,
        cv=GroupKFold(5), method="predict_proba",
    )  # fmt: skip
    assert len(examples) >= 2000
    assert roc_auc_score(is_true, guess[:, 1]) <= 0.55
