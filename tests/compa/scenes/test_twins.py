"""Twins must be told apart by what they are about, and by nothing else."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import hstack
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict

from compa.data.scenes import SceneBatches
from compa.data.twin_examples import Further, make_twins
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Truth, While
from compa.scenes.holdout import training_pairs
from compa.scenes.twins import (
    LEVEL_DIFFERENCE_DB,
    MAX_GAP_SECONDS,
    SCENE_SECONDS,
    TWINS,
    TwinScenes,
    attribute_twins,
    order_twins,
)


def draw(bank: EventBank, make: Callable[..., TwinScenes], number: int) -> list[TwinScenes]:
    return [make(bank, ("horn", "whistle"), np.random.default_rng(seed)) for seed in range(number)]


def test_order_twins_are_what_the_task_says(tone_bank: EventBank) -> None:
    gaps, starts = [], []
    for twins in draw(tone_bank, order_twins, 200):
        for scene, first in zip(twins.scenes, ("horn", "whistle"), strict=True):
            one, other = scene.events
            assert one.label == first
            assert other.onset >= one.onset
            assert 1.5 - 1e-3 <= one.offset - one.onset <= 2.0 + 1e-3
            assert other.offset <= SCENE_SECONDS
            assert one.level_db == other.level_db
            gaps.append(other.onset - one.offset)
            starts.append(one.onset)
    assert -1e-4 <= min(gaps) < 0.01 < 0.4 < max(gaps) <= MAX_GAP_SECONDS
    assert min(starts) < 0.02 < 0.5 < max(starts)


def test_attribute_twins_are_what_the_task_says(tone_bank: EventBank) -> None:
    differences, delays = [], []
    for twins in draw(tone_bank, attribute_twins, 200):
        for scene, louder in zip(twins.scenes, ("horn", "whistle"), strict=True):
            one, other = scene.events
            by_level = sorted(scene.events, key=lambda event: event.level_db or 0.0)
            assert by_level[1].label == louder
            assert While("horn", "whistle").judge(scene.events) is Truth.TRUE
            differences.append((by_level[1].level_db or 0.0) - (by_level[0].level_db or 0.0))
            delays.append(other.onset - one.onset)
    low, high = LEVEL_DIFFERENCE_DB
    assert low <= min(differences) < low + 0.5 < high - 0.5 < max(differences) <= high
    assert min(delays) < -0.7 < 0.7 < max(delays)


@pytest.mark.parametrize("kind", TWINS)
def test_each_caption_is_true_of_its_scene_and_false_of_the_twin(tone_bank: EventBank, kind: str) -> None:
    ways = set()
    for twins in draw(tone_bank, TWINS[kind], 300):
        for i, claim in enumerate(twins.claims):
            assert claim.judge(twins.scenes[i].events) is Truth.TRUE
            assert claim.judge(twins.scenes[1 - i].events) is Truth.FALSE
        assert sorted(twins.captions[0]) == sorted(twins.captions[1])  # the same words
        assert twins.captions[0] != twins.captions[1]
        ways.add(twins.captions[0])
    assert len(ways) >= 16


@pytest.mark.parametrize("kind", TWINS)
def test_the_same_generator_gives_the_same_twins(tone_bank: EventBank, kind: str) -> None:
    one, again = (TWINS[kind](tone_bank, ("horn", "whistle"), np.random.default_rng(5)) for _ in range(2))
    np.testing.assert_array_equal(one.waveforms, again.waveforms)
    assert one.captions == again.captions
    other = TWINS[kind](tone_bank, ("horn", "whistle"), np.random.default_rng(6))
    assert not np.array_equal(one.waveforms, other.waveforms)


def surface(waveform: NDArray[np.float32]) -> list[float]:
    """What tells nothing about who came first or who was louder: loudness, peak, sound at the edges, dips."""
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


def told_apart(bank: EventBank, kind: str, flaw: float = 1.0) -> float:
    """How well a classifier tells a scene from its twin by the surface (AUC); `flaw`: a gain of the twin."""
    pairs = training_pairs(bank.labels)
    rng = np.random.default_rng(0)
    features, sides, groups = [], [], []
    for number in range(300):
        labels = pairs[number % len(pairs)]
        twins = TWINS[kind](bank, labels if rng.random() < 0.5 else labels[::-1], rng)
        for side, waveform in enumerate(twins.waveforms):
            features.append(surface(waveform * (flaw if side else 1.0)))
            sides.append(side)
            groups.append(number)
    classifier = ExtraTreesClassifier(50, min_samples_leaf=5, random_state=0)
    guess = cross_val_predict(classifier, features, sides, groups=groups, cv=GroupKFold(5), method="predict_proba")
    return float(roc_auc_score(sides, guess[:, 1]))


@pytest.mark.parametrize("kind", TWINS)
def test_a_scene_cannot_be_told_from_its_twin_by_its_surface(tone_bank: EventBank, kind: str) -> None:
    assert told_apart(tone_bank, kind) <= 0.55
    assert told_apart(tone_bank, kind, flaw=0.95) > 0.6  # the test sees a twin that is half a decibel quieter


def test_captions_cannot_be_told_from_their_hard_negatives_by_text(tone_bank: EventBank) -> None:
    """2,560 training captions against their own negatives: word 1- and 2-grams and length know nothing."""
    pairs = training_pairs(tone_bank.labels)
    twins = [make_twins(kind, tone_bank.split("train"), pairs, Further(1, 1)) for kind in TWINS]
    batches = SceneBatches(twins, 40, 64, True, seed=0)
    examples = [example for number in range(1280) for example in batches.twins(number)]
    texts = [text for example in examples for text in (example.caption, *example.negatives)]
    is_true = [1, 0, 0] * len(examples)
    clips = [row for row in range(len(examples)) for _ in range(3)]
    vectoriser = CountVectorizer(ngram_range=(1, 2), token_pattern=r"\S+")
    counts = vectoriser.fit_transform(texts)
    lengths = np.array([[len(text)] for text in texts])
    guess = cross_val_predict(
        LogisticRegression(max_iter=2000), hstack([counts, lengths / 50]).tocsr(), is_true, groups=clips,
        cv=GroupKFold(5), method="predict_proba",
    )  # fmt: skip
    assert len(examples) >= 2000
    assert roc_auc_score(is_true, guess[:, 1]) <= 0.55
