from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.report.curves import charts, read_metrics


def test_curves_read_sparse_columns_and_skip_what_is_no_metric(tmp_path: Path) -> None:
    (tmp_path / "run" / "logs").mkdir(parents=True)
    log = tmp_path / "run" / "logs" / "metrics.csv"
    log.write_text(
        "epoch,step,lr-AdamW,train/loss,val/group,once\n0,1,0.1,3.5,,\n0,2,0.1,,0.5,1\n0,3,0.1,nan,0.7,\n0,4,0.1,2,,\n"
    )
    assert read_metrics(tmp_path / "run") == {
        "train/loss": [(1, 3.5), (4, 2)],
        "val/group": [(2, 0.5), (3, 0.7)],
    }
    loss, group = charts([tmp_path / "run"])
    assert (loss.metric, loss.low, loss.high, loss.last_step) == ("train/loss", 0, 4, 4)
    assert (group.metric, group.low, group.high) == ("val/group", 0, 1)
    assert charts([tmp_path / "run" / "logs"])[0].lines.keys() == {"logs"}
    assert charts([]) == []
    log.write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="no column 'step'"):
        read_metrics(tmp_path / "run")


def test_a_long_log_is_thinned_and_a_constant_one_is_drawn(tmp_path: Path) -> None:
    rows = [f"{step},{0.0},{-2.0 - step % 2}" for step in range(1000)]
    (tmp_path / "metrics.csv").write_text("\n".join(["step,zero,negative", *rows]))
    negative, zero = charts([tmp_path])
    assert len(zero.lines[tmp_path.name]) <= 80
    assert (zero.low, zero.high) == (0, 1)
    assert (negative.low, negative.high) == (-3, 0)
