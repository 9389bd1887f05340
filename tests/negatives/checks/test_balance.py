from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from compa.manifest import Clip, Negative
from negatives.checks.balance import MAX_AUC, Balance, drop, learn
from negatives.checks.text_leak import leak_auc
from tests.negatives.checks.pairs import lopsided_pairs


@pytest.mark.parametrize("fraction", [0.5, 0.75, 0.95])
def test_balance_leaves_an_edit_as_often_as_its_reverse(fraction: float) -> None:
    pairs = lopsided_pairs(800, fraction)
    balance = learn(pairs)
    kept = [pair for pair in pairs if balance.keeps(pair)]
    assert leak_auc(kept) <= MAX_AUC
    back = sum("woman" in text for text, _ in pairs)
    still_back = sum("woman" in text for text, _ in kept)
    assert still_back > 0.9 * back  # it is the other direction that is dropped
    assert still_back / len(kept) == pytest.approx(0.5, abs=0.13)
    if fraction == 0.5:
        assert kept == pairs


def test_what_has_no_reverse_is_dropped() -> None:
    pairs = lopsided_pairs(400, 1.0)
    balance = learn(pairs)
    assert sum(map(balance.keeps, pairs)) < 100


def test_what_is_dropped_does_not_depend_on_the_process() -> None:
    code = (
        "from tests.negatives.checks.test_balance import *; pairs = lopsided_pairs(300, 0.8); balance = learn(pairs);"
        "print(leak_auc(pairs), [balance.keeps(pair) for pair in pairs])"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in "12"
    }
    assert len(outputs) == 1


def test_dropping_is_a_pure_function_of_the_pair_and_counted() -> None:
    pairs = lopsided_pairs(500, 0.9)
    clips = [Clip(str(i), None, (a,), negatives=(Negative(b, "replacement", of=0),)) for i, (a, b) in enumerate(pairs)]
    other = Clip("x", None, ("A",), negatives=(Negative("B", "order", of=0), Negative("C", "replacement")))
    dropped: Counter[str] = Counter()
    balances = [{"replacement": learn(pairs)}]
    done = list(drop([*clips, other], balances, dropped))
    assert done[-1] is other
    assert sum(not clip.negatives for clip in done) == dropped["replacement"] > 250
    assert list(drop(reversed([*clips, other]), balances)) == done[::-1]
    assert Balance().keeps(("A", "B"))
    assert not Balance(drops_all=True).keeps(("A", "B"))
