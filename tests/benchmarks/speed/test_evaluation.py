"""What is timed is what it says; how long it takes is not tested, but for what can be counted."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.metrics.pairs import outcomes
from benchmarks.speed import evaluation


def test_the_loop_and_the_arrays_find_the_same() -> None:
    scores = evaluation.random_pairs(2000)
    won = {name: float(each.mean()) for name, each in outcomes(scores).items()}
    assert 0.1 < won["group"] < won["text"] < 0.9
    assert won["ties"] > 0
    assert evaluation.looped(scores) == won


def test_prompts_are_embedded_once() -> None:
    ours, anew = evaluation.text_forwards(num_clips=200)
    assert ours == evaluation.NUM_LABELS
    assert anew == 7 * evaluation.NUM_LABELS
    assert 20 * ours <= evaluation.NUM_LABELS * -(-evaluation.NUM_CLIPS // evaluation.BATCH)


def test_a_cold_run_reads_every_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "SECONDS", 1)
    cpu, wall = evaluation.cold_run(evaluation.write_files(tmp_path, 4))
    assert cpu > 0
    assert wall > 0
