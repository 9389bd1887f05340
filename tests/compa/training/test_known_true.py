from __future__ import annotations

import itertools

import numpy as np

from compa.data.batch import Example, Text, collate
from compa.data.scenes import SceneBatches
from compa.data.twin_examples import TextCounts, TwinExamples
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Truth, parse
from compa.scenes.holdout import training_pairs
from compa.training.known_true import known_true

SILENCE = np.zeros(4, np.float32)


def test_claims_are_judged_on_every_clip_and_no_negative_is_true_of_its_own(tone_bank: EventBank) -> None:
    twins = TwinExamples("order", tone_bank.split("train"), training_pairs(tone_bank.labels), TextCounts(1))
    batch = SceneBatches([twins], 1, 64, True, seed=0)[0]
    found = known_true(batch)
    assert found.shape == (128, 64)
    for text, clip in itertools.product(range(128), range(64)):
        claim = batch.claims[text]
        assert claim is not None
        assert bool(found[text, clip]) == (parse(claim).judge(batch.examples[clip].events) is Truth.TRUE)
    assert found[range(64), range(64)].all()
    assert not found[range(64, 128), batch.owner].any()
    assert 0.02 < found.float().mean() < 0.2  # with 5 labels, pairs meet again in a batch


def test_without_claims_equal_texts_are_known_to_be_true() -> None:
    examples = [
        Example("a", SILENCE, "A dog barks."),
        Example("b", SILENCE, "rain", extras=(Text("a dog  barks", is_positive=True),)),
        Example("c", SILENCE, "wind", extras=(Text("Rain"),)),
    ]
    found = known_true(collate(examples)).int().tolist()
    assert found == [[1, 1, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 1, 0]]
