"""What is no number never gets into the weights, and what led to it is kept."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

import compa
from compa.objectives import HardNegativeNCE
from compa.objectives.embeddings import Loss
from compa.training.contrastive import ContrastiveTask
from compa.training.finite import FiniteWatch
from tests.compa.training.test_fit import ROOT, TINY
from tests.compa.training.test_options import WEIGHT, fit


class SpoiltLoss(HardNegativeNCE):
    """Gives no number in the sixth step of a rank, if that is set."""

    calls = 0

    def forward(self, embeddings: Any) -> Loss:
        loss = super().forward(embeddings)
        if self.training:
            self.calls += 1
            if self.calls == 6 and os.environ.get("LOCAL_RANK", "0") == os.environ.get("SPOILT_RANK", "0"):
                return Loss(loss.total * torch.nan, loss.parts)
        return loss


SPOILT = ["--model.objective=tests.compa.training.test_finite.SpoiltLoss", "--trainer.max_steps=8",
          "--checkpoint_steps=2"]  # fmt: skip


def test_a_loss_that_is_no_number_stops_with_the_batch_and_the_state_kept(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    assert fit(tone_folder, run, *SPOILT) == 1
    errors = capsys.readouterr().err
    assert "training stopped in step 6, since the loss is nan" in errors
    assert len([line for line in errors.splitlines() if line.startswith("compa:")]) == 1
    told = json.loads((run / "nonfinite" / "batch-0.json").read_text())
    assert (told["step"], len(told["clips"]), len(told["extras"])) == (6, 8, 16)
    assert all(clip["values_not_finite"] == 0 for clip in told["clips"])
    tensors = torch.load(run / "nonfinite" / "batch-0.pt", weights_only=True)
    assert len(tensors["waveforms"]) == 8
    state = torch.load(run / "nonfinite" / "state.pt", weights_only=True)
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert (state["global_step"], last["global_step"]) == (5, 4)
    assert not state["state_dict"][WEIGHT].equal(last["state_dict"][WEIGHT])
    for path in (run, run / "nonfinite" / "state.pt"):
        assert torch.isfinite(torch.from_numpy(compa.load(str(path)).embed_text(["horn"]))).all()
    assert fit(tone_folder, run, "--trainer.max_steps=8", "--resume=true") == 0  # without what spoils it


def test_a_gradient_that_is_infinite_stops_too(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoil(task: ContrastiveTask) -> None:
        if task.global_step == 1:
            weight = task.clap.text_encoder.get_parameter("norm.bias")
            assert weight.grad is not None
            weight.grad[0] = torch.inf

    monkeypatch.setattr(ContrastiveTask, "on_after_backward", spoil)
    assert fit(tone_folder, tmp_path / "run", "--trainer.gradient_clip_val=1.0") == 1
    assert "in step 2, since the gradient of clap.text_encoder.norm.bias is not finite" in capsys.readouterr().err
    state = torch.load(tmp_path / "run" / "nonfinite" / "state.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


def test_a_batch_that_the_objective_refuses_is_kept(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    train = ContrastiveTask.training_step

    def spoilt(task: ContrastiveTask, batch: Any, index: int) -> Any:
        batch.waveforms[3, 100] = torch.nan
        return train(task, batch, index)

    monkeypatch.setattr(ContrastiveTask, "training_step", spoilt)
    assert fit(tone_folder, tmp_path / "run") == 1
    assert f"(step 1, its batch is in {tmp_path / 'run' / 'nonfinite'})" in capsys.readouterr().err
    told = json.loads((tmp_path / "run" / "nonfinite" / "batch-0.json").read_text())
    assert [clip["values_not_finite"] for clip in told["clips"]] == [0, 0, 0, 1, 0, 0, 0, 0]


def test_a_training_without_the_watch_goes_on_with_ruined_weights(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the watch is there for."""
    monkeypatch.setattr(FiniteWatch, "on_before_optimizer_step", lambda *_: None)
    monkeypatch.setattr("compa.objectives.objective.CHECKED_CALLS", 0)
    assert fit(tone_folder, tmp_path / "run", *SPOILT, "--trainer.limit_val_batches=0") == 0
    last = torch.load(tmp_path / "run" / "checkpoints" / "last.ckpt", weights_only=True)
    assert torch.isnan(last["state_dict"][WEIGHT]).all()


@pytest.mark.slow
def test_all_ranks_stop_when_one_has_no_number(tone_folder: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(TINY), "--out", str(run), *SPOILT,
               f"--data.init_args.events={tone_folder}", "--trainer.devices=2", "--trainer.strategy=ddp"]  # fmt: skip
    environment = os.environ | {"OMP_NUM_THREADS": "1", "SPOILT_RANK": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240, env=environment)
    assert done.returncode != 0
    assert "training stopped in step 6, since the loss is nan" in done.stderr
    told = [json.loads((run / "nonfinite" / f"batch-{rank}.json").read_text()) for rank in (0, 1)]
    assert [len(one["clips"]) for one in told] == [4, 4]
    assert torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 4
