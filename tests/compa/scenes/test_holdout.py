import math
import subprocess
import sys
from collections import Counter

import pytest

from compa.scenes.holdout import held_out_pairs, label_pairs, stable_hash, training_pairs


@pytest.mark.parametrize("num_labels", [*range(3, 31), 50, 200])
def test_enough_pairs_are_held_out_and_they_are_balanced(num_labels: int) -> None:
    labels = [f"label {i}" for i in range(num_labels)]
    held_out, training = held_out_pairs(labels), training_pairs(labels)
    assert held_out | set(training) == set(label_pairs(labels))
    assert not held_out & set(training)
    num_pairs = math.comb(num_labels, 2)
    assert len(held_out) == min(max(8, math.ceil(0.15 * num_pairs)), num_pairs // 2)
    uses = Counter(label for pair in held_out for label in pair)
    counts = [uses[label] for label in labels]
    assert max(counts) - min(counts) <= 1
    assert {label for pair in training for label in pair} == set(labels)


def test_the_choice_is_one_of_names_only() -> None:
    labels = [f"label {i}" for i in range(12)]
    assert held_out_pairs(labels) == held_out_pairs(reversed(labels * 2))
    assert held_out_pairs(labels) != held_out_pairs([label.upper() for label in labels])


def test_other_processes_choose_alike() -> None:
    code = "from compa.scenes.holdout import *; print(stable_hash('a', 1), sorted(held_out_pairs('abcdefgh')))"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": s},
        ).stdout
        for s in ("1", "2")
    }
    assert answers == {f"{stable_hash('a', 1)} {sorted(held_out_pairs('abcdefgh'))}\n"}


@pytest.mark.parametrize("labels", [[], ["a"], ["a", "b"], ["a", "a"]])
def test_too_few_labels_are_refused(labels: list[str]) -> None:
    with pytest.raises(ValueError, match="at least 3 labels"):
        held_out_pairs(labels)
