from __future__ import annotations

import random

import pytest

from negatives.checks.text_leak import leak_auc, pair_scores, telltale_ngrams, text_leaks
from tests.negatives.checks.pairs import fair_pairs, lopsided_pairs


def test_texts_that_leak_nothing_and_texts_that_leak_everything() -> None:
    assert leak_auc(fair_pairs(400)) == pytest.approx(0.5, abs=0.06)
    assert leak_auc(lopsided_pairs(400, 1.0)) > 0.99
    assert leak_auc([(text, text + " and hums on and on and on") for text, _ in fair_pairs(300)]) > 0.99
    assert leak_auc([("A dog barks", "A dog barks")] * 300) == 0.5


def test_length_alone_leaks() -> None:
    rng = random.Random(2)

    def words(num: int) -> str:
        return " ".join(str(rng.random()) for _ in range(num))

    assert leak_auc([(words(5), words(rng.choice([7, 8]))) for _ in range(200)]) > 0.99


def test_auc_by_counting_every_pair() -> None:
    pairs = lopsided_pairs(150, 0.75)
    captions, negatives = pair_scores(pairs, [caption.lower() for caption, _ in pairs]).T
    wins = sum((a > b) + 0.5 * (a == b) for a in negatives for b in captions)
    assert leak_auc(pairs) == pytest.approx(wins / 150**2)


def test_a_group_is_never_judged_by_what_it_taught() -> None:
    """Each caption has a word of its own, which all of its negatives lack: only its own group could teach that."""
    pairs = [(f"thing{i} rings", f"other{i} {word}") for i in range(60) for word in ("rings", "hums")]
    assert leak_auc(pairs) < 0.8  # "hums" is what can be learned
    assert leak_auc([(a, b.replace("hums", "rings")) for a, b in pairs]) <= 0.5


def test_scores_do_not_depend_on_the_order_of_the_pairs() -> None:
    pairs = lopsided_pairs(200, 0.8)
    groups = [caption for caption, _ in pairs]
    assert pair_scores(pairs, groups)[::-1] == pytest.approx(pair_scores(pairs[::-1], groups[::-1]), abs=1e-2)


def test_telltale_ngrams_stand_more_often_on_one_side() -> None:
    found = telltale_ngrams(lopsided_pairs(400, 0.9))
    assert {gram for gram, _, _ in found} >= {"man", "woman", "a man", "a woman"}
    assert all("man" in gram.split() or "woman" in gram.split() for gram, _, _ in found[:6])
    assert all(more > less for gram, more, less in found if gram == "woman")


def test_too_few_pairs_are_not_measured() -> None:
    few, enough = text_leaks({"order": fair_pairs(99), "relation": fair_pairs(100)})
    assert (few.kind, few.auc, few.pairs) == ("order", None, 99)
    assert enough.auc is not None
