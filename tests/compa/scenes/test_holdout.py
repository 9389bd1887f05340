import hashlib
import json
import math
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from compa.scenes.banks.bank import EventBank
from compa.scenes.banks.synthesizer import SOUNDS
from compa.scenes.holdout import FILE_NAME, HeldOut, held_out_pairs, label_pairs, training_pairs
from compa.utils.text import stable_hash


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
    imports = "from compa.scenes.holdout import held_out_pairs; from compa.utils.text import stable_hash"
    code = f"{imports}; print(stable_hash('a', 1), sorted(held_out_pairs('abcdefgh')))"
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
    with pytest.raises(ValueError, match="at least 3"):
        held_out_pairs(labels)


def test_the_held_out_pairs_of_the_built_in_bank_never_change() -> None:
    pairs = sorted(held_out_pairs(SOUNDS))
    assert len(pairs) == 106
    assert hashlib.sha256(repr(pairs).encode()).hexdigest()[:16] == "1e878fc98ee1fe29"


def test_a_record_is_written_and_read(tone_bank: EventBank, tmp_path: Path) -> None:
    held_out = HeldOut.of(tone_bank)
    assert set(held_out.pairs) == held_out_pairs(tone_bank.labels)
    assert not {name for label in tone_bank.labels for name in tone_bank.split("train").recordings(label)} & set(
        held_out.recordings
    )
    held_out.write(tmp_path / "run")
    assert HeldOut.read(tmp_path / "run") == held_out
    record = json.loads((tmp_path / "run" / "heldout.json").read_text())
    assert record == held_out.record()
    assert set(record) == {"bank", "bank_fingerprint", "held_out_pairs", "test_recordings"}
    assert HeldOut.read(tmp_path) is None


@pytest.mark.parametrize("text", ["{}", "[]", "{", '{"bank": "a", "held_out_pairs": [[1]], "test_recordings": []}'])
def test_a_damaged_record_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text(text)
    with pytest.raises(ValueError, match=r"heldout\.json"):
        HeldOut.read(tmp_path)
