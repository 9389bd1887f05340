from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed import training


@pytest.mark.slow
def test_every_part_prints_ratios(tmp_path: Path) -> None:
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
