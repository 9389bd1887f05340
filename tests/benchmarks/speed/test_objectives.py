"""What is timed is what it says; how long it takes is not tested."""

from functools import partial
from pathlib import Path

import pytest
import torch

from benchmarks.speed import baselines as rivals
from benchmarks.speed import cases, memory, objectives
from compa.objectives import HardNegativeNCE, InfoNCE


def test_rivals_with_the_same_maths() -> None:
    batch = cases.make_batch(12, 3, 16, num_positives=1, dtype=torch.float64)
    for rival, mine in ((rivals.dense_infonce, InfoNCE()), (rivals.full_matrix, HardNegativeNCE())):
        torch.testing.assert_close(rival(batch), mine(batch).total.float())


def test_open_clip_where_it_is_installed() -> None:
    batch = cases.make_batch(12, 3, 16)
    if rivals.open_clip_loss() is None:
        pytest.skip("open_clip is an extra")
    torch.testing.assert_close(cases.open_clip(batch), InfoNCE()(batch).total)


def test_a_mask_that_multiplies_is_far_off() -> None:
    batch = cases.make_batch(64, 3, 64, num_positives=1)
    right = float(HardNegativeNCE()(batch).total.detach())
    assert float(rivals.released_style_stage_2(batch).detach()) > 1000 * right
    assert float(rivals.released_style_stage_3(batch).detach()) > 1000 * right


def test_released_style_is_right_where_nothing_is_masked() -> None:
    """One clip alone has no other clips' negatives."""
    batch = cases.make_batch(1, 3, 16, num_positives=2)
    for name in (cases.MODULAR, cases.STAGE_3):
        torch.testing.assert_close(cases.LOSSES[name](batch), cases.LOSSES[cases.MODULAR](batch))


def test_takes_turns() -> None:
    seen: list[str] = []
    works = {name: partial(seen.append, name) for name in "ab"}
    times = objectives.take_turns(works, 0)
    assert "".join(seen) == "ab" * 4
    assert [len(taken.rounds) for taken in times.values()] == [3, 3]


def test_checks_itself() -> None:
    assert objectives.check("cpu") == 6


def test_memory_in_a_child() -> None:
    growth, gradients = memory.peak_growth(cases.HARD, 256, 2, 64)
    assert gradients == 4 * (4 * 256 * 64 + 1)
    assert 0 < growth < 64 * 2**20


def test_memory_of_what_does_not_exist() -> None:
    with pytest.raises(ValueError, match=r"measuring nothing at B=2 failed: .*KeyError"):
        memory.peak_growth("nothing", 2, 1, 4)


def test_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(objectives, "_memory_table", lambda: iter(["a table"]))
    objectives.main(["--only", "memory", "--threads", "1", "--out", str(tmp_path / "out.md")])
    written = (tmp_path / "out.md").read_text(encoding="utf-8")
    assert written == capsys.readouterr().out
    assert "equal the dense reference" in written
    assert written.endswith("a table\n")
