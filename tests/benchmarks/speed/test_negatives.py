from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.speed.negatives import main


def test_every_table_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = tmp_path / "captions.csv"
    source.write_text("caption\n" + "A dog barks then a man speaks\nRain falls\n" * 20, encoding="utf-8")
    main([str(source), "--lines", "60"])
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("| rules, all kinds, K=3") for line in lines) == 2
    assert any(line.startswith("| order | 50.0% |") for line in lines)
    assert any(line.startswith("| order | 20 | too few |") for line in lines)
    assert lines[-1].startswith("Memory, 60 lines: ")
