"""Two processes learn what one does, to the last digits of float64, at once or chunk by chunk."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.compa.training.rank_worker import STEPS, train

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    out = tmp_path_factory.mktemp("alone") / "losses.json"
    train(out, 1, None)
    losses: list[float] = json.loads(out.read_text())
    assert len(losses) == STEPS
    assert losses[-1] != pytest.approx(losses[0], rel=1e-3)  # something is learnt
    return losses


@pytest.mark.parametrize("chunk_size", ["3", pytest.param("", marks=pytest.mark.slow)])
def test_two_ranks_have_the_losses_of_one_process(alone: list[float], tmp_path: Path, chunk_size: str) -> None:
    """With 4 clips a rank, chunks are of 3 clips and 1."""
    out = tmp_path / "losses.json"
    command = [sys.executable, "-m", "tests.compa.training.rank_worker", str(out), "2", *chunk_size.split()]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(out.read_text()) == pytest.approx(alone, rel=1e-9)
