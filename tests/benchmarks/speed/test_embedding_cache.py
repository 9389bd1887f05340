from __future__ import annotations

import re

import pytest

from benchmarks.speed.coverage import DESIGNS, coverage
from benchmarks.speed.embedding_cache import main


def test_a_small_run_tells_all(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--files", "3", "--items", "20", "--rounds", "1"])
    told = capsys.readouterr().out
    assert len(re.findall(r"^cold run, 3 FLAC files .* x theirs$", told, re.MULTILINE)) == 2
    assert "20 pairs of files" in told
    assert "with 0 forwards" in told


def test_coverage_repeats_and_knows_a_wrong_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    assert coverage(DESIGNS[0], 0.3, 200) == coverage(DESIGNS[0], 0.3, 200) > 0.9
    monkeypatch.setattr("benchmarks.speed.coverage.interval", lambda won, _: (won.mean(), won.mean(), ""))
    assert coverage(DESIGNS[0], 0.3, 200) < 0.2
