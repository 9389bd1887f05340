from __future__ import annotations

from pathlib import Path

import pytest

from compa.manifest import Clip, read_manifest, write_manifest
from negatives.cli.check import main as check
from negatives.cli.generate import main as generate
from negatives.cli.review import main as review


def test_report_sheet_check_and_review(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, out, page, sheet = (tmp_path / name for name in ("x.txt", "out.jsonl", "r.html", "s.csv"))
    source.write_text("".join(f"A man speaks as bell {i} rings<script>\n" for i in range(120)), encoding="utf-8")
    options = ("--kinds", "replacement", "--levels", "none", "--num", "1", "--examples", "20")
    outputs = ("--report", str(page), "--review-sheet", str(sheet))
    assert generate([str(source), "--out", str(out), *options, *outputs]) == 0
    html = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;" in html
    assert "<script" not in html
    assert "<td>in the manifest</td>" in html
    assert {path.name for path in tmp_path.iterdir()} == {"x.txt", "out.jsonl", "r.html", "s.csv"}
    assert check([str(out), "--report", str(page), "--overwrite"]) == 0
    assert "text leak, replacement" in capsys.readouterr().out
    rows = sheet.read_text(encoding="utf-8").splitlines()
    assert len(rows) == 21
    sheet.write_text("\n".join([rows[0], *(row[:-2] + "y,n," for row in rows[1:])]), encoding="utf-8")
    assert review([str(sheet)]) == 0
    printed = capsys.readouterr().out
    assert "false: 100.0% of 20" in printed
    assert "fluent: 0.0% of 20" in printed


def test_after_balancing_all_counts_are_of_what_is_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All replacements change one and the same source, and 30 orders are too few to measure."""
    source, out, page = (tmp_path / name for name in ("x.txt", "out.jsonl", "r.html"))
    lines = [f"A goat bleats {i} times" for i in range(120)] + ["A dog barks then a bell rings"] * 30
    source.write_text("\n".join(lines), encoding="utf-8")
    options = ("--kinds", "replacement,order", "--levels", "none", "--num", "2")
    assert generate([str(source), "--out", str(tmp_path / "all.jsonl"), *options]) == 0
    clips = list(read_manifest(tmp_path / "all.jsonl"))
    made = sum(negative.kind == "replacement" for clip in clips for negative in clip.negatives)
    assert made > 120
    capsys.readouterr()
    assert generate([str(source), "--out", str(out), *options, "--balance", "--report", str(page)]) == 0
    assert {negative.kind for clip in read_manifest(out) for negative in clip.negatives} == {"order"}
    printed = capsys.readouterr()
    assert "captions served: 30 of 150 (20.0%)" in printed.out
    assert "  replacement: 0 negatives" in printed.out
    assert f"  refused replacement, balance: {made}" in printed.out
    assert "text leak, replacement: none left, before " in printed.out
    assert "none left of replacement" in printed.err
    assert "order 30" in printed.err
    html = page.read_text(encoding="utf-8")
    assert "30 of 150 captions have a negative (20.0 %)" in html
    assert f'<td>refused: balance</td><td class="number">{made}</td>' in html
    assert '<td>order</td><td>in the manifest</td><td class="number">30</td>' in html
    assert "none left" in html
    assert "too few to measure" in html
    again = tmp_path / "again.jsonl"
    assert check([str(tmp_path / "all.jsonl"), "--balance", "--out", str(again)]) == 0
    assert again.read_bytes() == out.read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"x.txt", "all.jsonl", "out.jsonl", "again.jsonl", "r.html"}


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text("caption\nA dog barks\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.csv is not a manifest: `compa negatives generate .*x\.csv` makes one"):
        check([str(tmp_path / "x.csv")])
    write_manifest(tmp_path / "bare.jsonl", [Clip("a", None, ("A dog barks",))])
    with pytest.raises(ValueError, match=r"bare\.jsonl has no negatives: `compa negatives generate` adds some"):
        check([str(tmp_path / "bare.jsonl")])
    with pytest.raises(ValueError, match="--balance needs --out"):
        check([str(tmp_path / "m.jsonl"), "--balance"])
    with pytest.raises(ValueError, match="--out is written only with --balance"):
        check([str(tmp_path / "m.jsonl"), "--out", "x.jsonl"])
    with pytest.raises(FileNotFoundError):
        check([str(tmp_path / "m.jsonl")])
