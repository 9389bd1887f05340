from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed import training


@pytest.mark.slow
def test_every_part_prints_ratios(tmp_path: Path) -> None:
    out = tmp_path / "tables.md"
    training.main(["--seconds", "0", "--steps", "8", "--rounds", "1", "--clock", "cpu", "--out", str(out)])
    rows = [line.split("|")[1].strip() for line in out.read_text().splitlines() if line.startswith("| ")]
    sizes = ["at once", "chunks of 32", "chunks of 16", "chunks of 8"]
    assert [row for row in rows if row in sizes] == sizes * 2
    assert rows[-2:] == ["bare loop", "compa fit"]
