"""One small run of each command; how long things take is not tested."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.metrics.pairs import outcomes
from benchmarks.speed import (
    baselines,
    cases,
    coverage,
    embedding_cache,
    evaluation,
    features,
    memory,
    negatives,
    objectives,
    scenes,
    training,
)
from compa.objectives import HardNegativeNCE, InfoNCE


def test_objectives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    batch = cases.make_batch(12, 3, 16, num_positives=1, dtype=torch.float64)
    for baseline, objective in ((baselines.dense_infonce, InfoNCE()), (baselines.full_matrix, HardNegativeNCE())):
        torch.testing.assert_close(baseline(batch), objective(batch).total.float())
    alone = cases.make_batch(1, 3, 16, num_positives=2)  # a single clip has no negatives of others to mask wrongly
    torch.testing.assert_close(cases.LOSSES[cases.STAGE_3](alone), cases.LOSSES[cases.MODULAR](alone))
    assert objectives.check("cpu", torch.float32, 2e-5) == 6
    growth, gradients = memory.peak_growth(cases.HARD, 256, 2, 64)
    assert gradients == 4 * (4 * 256 * 64 + 1)
    assert 0 < growth < 64 * 2**20
    monkeypatch.setattr(objectives, "_memory_table", lambda: iter(["a table"]))
    objectives.main(["--only", "memory", "--threads", "1", "--out", str(tmp_path / "out.md")])
    written = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert written == capsys.readouterr().out
    assert written.endswith("a table\n")


def test_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    design = coverage.DESIGNS[0]
    assert coverage.coverage(design, 0.3, 200) == coverage.coverage(design, 0.3, 200) > 0.9
    monkeypatch.setattr(coverage, "interval", lambda won, _: (won.mean(), won.mean(), ""))
    assert coverage.coverage(design, 0.3, 200) < 0.2


def test_embedding_cache(capsys: pytest.CaptureFixture[str]) -> None:
    embedding_cache.main(["--files", "3", "--items", "20", "--rounds", "1"])
    printed = capsys.readouterr().out
    assert printed.count("cold run, 3 FLAC files") == 2
    assert "20 pairs of files" in printed
    assert "with 0 forward passes" in printed


def test_evaluation() -> None:
    scores = evaluation.random_pairs(2000)
    won = {name: float(each.mean()) for name, each in outcomes(scores).items()}
    assert won["ties"] > 0
    assert evaluation.outcomes_by_loop(scores) == won
    assert evaluation.embedded_texts(num_clips=200) == (evaluation.NUM_LABELS, 7 * evaluation.NUM_LABELS)


def test_features(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(features, "is_installed", lambda _: False)
    monkeypatch.setattr(features, "BATCH_SIZE", 1)
    features.main(["--only", "features", "--seconds", "0"])
    printed = capsys.readouterr().out
    assert "librosa is not installed" in printed
    assert "| compa |" in printed
    assert "| librosa |" not in printed


def test_negatives(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "captions.csv"
    source.write_text("caption\n" + "A dog barks then a man speaks\nRain falls\n" * 20, encoding="utf-8")
    negatives.main([str(source), "--lines", "60"])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| rules, all kinds, K=3") for line in lines) == 2
    assert any(line.startswith("| order | 50.0% |") for line in lines)
    assert any(line.startswith("| order | 20 | too few |") for line in lines)
    assert lines[-1].startswith("Memory, 60 lines: ")


def test_scenes() -> None:
    bank = scenes.make_bank()
    for num_events in (1, 3):
        for timeline in scenes.timelines_of(bank, num_events, 2):
            assert len(timeline.events) == num_events


@pytest.mark.slow
def test_training(tmp_path: Path) -> None:
    out = tmp_path / "tables.md"
    captions = tmp_path / "captions.csv"
    captions.write_text("caption\n" + "".join(f"a dog barks {'and barks ' * (row % 9)}\n" for row in range(200)))
    few = ["--seconds", "0", "--steps", "8", "--rounds", "1", "--clock", "cpu", "--captions", str(captions)]
    training.main([*few, "--out", str(out)])
    rows = [line.split("|")[1].strip() for line in out.read_text().splitlines() if line.startswith("| ")]
    sizes = ["at once", "chunks of 32", "chunks of 16", "chunks of 8"]
    assert [row for row in rows if row in sizes] == sizes * 2
    assert [row for row in rows if row in ("bare loop", "compa fit")] == ["bare loop", "compa fit"]
    encoders = ["audio only,", "texts of", "100% of", "25% of", "padded to", "groups of"]
    assert [begin for row in rows for begin in encoders if row.startswith(begin)] == encoders
