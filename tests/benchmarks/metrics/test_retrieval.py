from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torchmetrics.functional.retrieval import retrieval_average_precision, retrieval_hit_rate, retrieval_recall

import benchmarks.metrics.retrieval
from benchmarks.metrics.retrieval import (
    Answers,
    audio_to_text_ranks,
    average_precision,
    median_chance,
    precision_chance,
    recall_chance,
    text_to_audio_ranks,
)

Floats = NDArray[np.float64]


def random_case(seed: int, levels: int | None, num_clips: int = 12, shared: bool = True) -> tuple[Floats, Answers]:
    """Scores with ties for few levels, clips of 1 to 4 captions, some texts of several clips or known beside."""
    rng = np.random.default_rng(seed)
    own, number = [], 0
    for clip in range(num_clips):
        count = int(rng.integers(1, 5))
        own.append(list(range(number, number + count)))
        number += count
        if shared and clip and rng.random() < 0.3:
            own[-1].append(own[int(rng.integers(clip))][0])
    num_texts = number + 3  # the last ones are nobody's
    known = [
        sorted({int(t) for t in rng.integers(num_texts, size=2)} - set(texts)) if shared and rng.random() < 0.4 else []
        for texts in own
    ]
    size = (num_clips, num_texts)
    scores = rng.normal(size=size) if levels is None else rng.integers(levels, size=size).astype(float)
    return scores, Answers(num_texts, own, known)


def oracle(scores: Floats, answers: Answers) -> tuple[list[int], list[list[int]]]:
    """Ranks by double loops, the worst that ties allow."""
    true = [{*own, *known} for own, known in zip(answers.own, answers.known, strict=True)]
    by_text, by_audio = [], []
    for clip, own in enumerate(answers.own):
        ranks = []
        for text in own:
            above = 0
            for other in range(len(scores)):
                if text not in true[other] and scores[other, text] >= scores[clip, text]:
                    above += 1
            by_text.append(above + 1)
        for text in own:
            above = 0
            for other in range(answers.num_texts):
                if other not in true[clip] and scores[clip, other] >= scores[clip, text]:
                    above += 1
            ranks.append(above)
        by_audio.append([above + place for place, above in enumerate(sorted(ranks), start=1)])
    return by_text, by_audio


@pytest.mark.parametrize("levels", [None, 2, 5, 40])
@pytest.mark.parametrize("seed", range(6))
def test_ranks_equal_a_double_loop_with_and_without_ties(seed: int, levels: int | None) -> None:
    scores, answers = random_case(seed, levels)
    by_text, by_audio = oracle(scores, answers)
    assert text_to_audio_ranks(scores, answers).tolist() == by_text
    assert [ranks.tolist() for ranks in audio_to_text_ranks(scores, answers)] == by_audio


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_torchmetrics_where_nothing_ties(seed: int) -> None:
    scores, answers = random_case(seed, None, num_clips=30, shared=False)
    scores = scores - scores.min() + 1  # torchmetrics takes what scores 0 or less for irrelevant
    by_text, by_audio = text_to_audio_ranks(scores, answers), audio_to_text_ranks(scores, answers)
    clips, texts = answers.queries
    precision = average_precision([np.array([rank]) for rank in by_text])
    for query, (clip, text) in enumerate(zip(clips, texts, strict=True)):
        preds, target = torch.tensor(scores[:, text]), torch.arange(len(scores)) == int(clip)
        for k in (1, 5, 10):
            assert (by_text[query] <= k) == bool(retrieval_recall(preds, target, top_k=k))
        assert precision[query] == pytest.approx(float(retrieval_average_precision(preds, target, top_k=10)))
    everywhere = average_precision(by_audio, cutoff=None)
    for clip, own in enumerate(answers.own):
        target = torch.zeros(answers.num_texts, dtype=torch.bool)
        target[own] = True
        preds = torch.tensor(scores[clip])
        for k in (1, 5, 10):
            assert (by_audio[clip][0] <= k) == bool(retrieval_hit_rate(preds, target, top_k=k))
        assert everywhere[clip] == pytest.approx(float(retrieval_average_precision(preds, target)))


def test_the_convention_of_average_precision_at_10() -> None:
    """As LAION's evaluation has it: captions that are not among the first 10 count as nothing, of all captions."""
    rng = np.random.default_rng(0)
    ranks = [np.sort(rng.permutation(40)[:5]) + 1 for _ in range(50)]
    expected = []
    for places in ranks:
        found = [place for place in places if place <= 10]
        expected.append(sum(number / place for number, place in enumerate(found, start=1)) / 5)
    assert average_precision(ranks).tolist() == pytest.approx(expected)


@pytest.mark.parametrize(("num_right", "num_all"), [(1, 5), (2, 5), (3, 6), (6, 6), (1, 1)])
def test_chance_by_counting_every_order(num_right: int, num_all: int) -> None:
    orders = [np.sort(order[:num_right]) + 1 for order in map(np.array, permutations(range(num_all)))]
    best = np.array([order[0] for order in orders])
    right, among = np.array([num_right]), np.array([num_all])
    for k in (1, 2, 5, 10):
        assert recall_chance(right, among, k) == pytest.approx(float(np.mean(best <= k)))
    for cutoff in (3, 10):
        assert precision_chance(right, among, cutoff) == pytest.approx(average_precision(orders, cutoff).mean())
    assert median_chance(right, among) == np.median(best)


def test_chance_of_queries_of_different_sizes() -> None:
    right, among = np.array([1, 2]), np.array([4, 4])
    assert recall_chance(right, among, 1) == pytest.approx((1 / 4 + 2 / 4) / 2)
    assert median_chance(right, among) == 2.0  # 0.375 of the probability lies at 1, 0.667 up to 2


def test_a_constant_scorer_is_last_everywhere() -> None:
    answers = Answers(6, [[0, 1], [2], [3]], [[], [], []])
    scores = np.zeros((3, 6))
    assert text_to_audio_ranks(scores, answers).tolist() == [3] * 4
    assert [ranks.tolist() for ranks in audio_to_text_ranks(scores, answers)] == [[5, 6], [6], [6]]


def test_ranks_do_not_depend_on_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, answers = random_case(1, 5, num_clips=40)
    whole = text_to_audio_ranks(scores, answers)
    monkeypatch.setattr(benchmarks.metrics.retrieval, "_CHUNK_ENTRIES", 90)
    assert text_to_audio_ranks(scores, answers).tolist() == whole.tolist()
