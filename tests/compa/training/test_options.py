"""What `compa fit` can do beside plain training, on trainings of seconds."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
import yaml

import compa
from compa import cli
from compa.training.contrastive import ContrastiveTask
from compa.training.randomness import StepRandomness
from tests.compa.training.test_fit import TINY

WEIGHT = "clap.text_projection.0.weight"


def fit(events: Path, out: Path, *options: str) -> int:
    return cli.main(["fit", "--config", str(TINY), f"--data.init_args.events={events}", "--out", str(out), *options])


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


def weights(run: Path) -> dict[str, torch.Tensor]:
    return compa.load(str(run)).clap.state_dict()


def differences(one: Path, other: Path) -> float:
    pairs = zip(weights(one).values(), weights(other).values(), strict=True)
    return max(float((left.double() - right.double()).abs().max()) for left, right in pairs)


@pytest.fixture(scope="module")
def run(tone_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "plain"
    assert fit(tone_folder, out, "--trainer.gradient_clip_val=0.5") == 0
    return out


def test_chunks_train_the_same_model_and_gradients_are_clipped_as_without(
    run: Path, tone_folder: Path, tmp_path: Path
) -> None:
    chunked, unclipped = tmp_path / "chunked", tmp_path / "unclipped"
    assert fit(tone_folder, chunked, "--trainer.gradient_clip_val=0.5", "--model.chunk_size=3") == 0
    assert fit(tone_folder, unclipped, "--model.chunk_size=3") == 0
    assert differences(run, chunked) < 2e-5 < 1e-3 < differences(run, unclipped)


def test_a_run_that_has_had_all_its_steps_says_so_and_stays_as_it_is(
    run: Path, tone_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {
        path.name: path.read_bytes() for path in run.iterdir() if path.name in ("metrics.csv", "model.safetensors")
    }
    assert fit(tone_folder, run, "--trainer.gradient_clip_val=0.5", "--resume=true") == 0
    assert f"{run} has had all of its 6 steps: set trainer.max_steps higher" in capsys.readouterr().err
    assert {name: (run / name).read_bytes() for name in before} == before


def test_a_run_that_is_trained_further_and_fails_is_its_last_checkpoint(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = tmp_path / "again"
    assert fit(tone_folder, again) == 0
    before = weights(again)
    monkeypatch.setattr(ContrastiveTask, "training_step", fails)
    assert fit(tone_folder, again, "--resume=true", "--trainer.max_steps=12") == 1
    assert not (again / "model.safetensors").exists()  # it is of a step that training has left behind
    assert all((before[name] == value).all() for name, value in weights(again).items())


def fails(*_: object) -> None:
    raise ValueError("out of luck")


def test_validation_tells_of_composition_and_of_general_skill(run: Path) -> None:
    first = next(row for row in metrics(run) if row["val/loss"])
    scores = {
        name.removeprefix("val/"): float(value) for name, value in first.items() if name.startswith("val/") and value
    }
    assert {"order-text", "order-audio", "order-group", "retrieval-text", "retrieval-audio", "zero-shot"} < set(scores)
    del scores["loss"]
    assert all(0 <= score <= 1 for score in scores.values())


@pytest.mark.parametrize(("metric", "choose"), [("val/loss", min), ("val/retrieval-audio", max)])
def test_the_best_in_validation_is_the_runs_model(tone_folder: Path, tmp_path: Path, metric: str, choose: Any) -> None:
    run = tmp_path / "run"
    options = ["--trainer.val_check_interval=1", "--model.learning_rate=0.1", "--model.warmup_steps=0"]
    assert fit(tone_folder, run, f"--best_by={metric}", *options) == 0
    values = {int(row["step"]) + 1: float(row[metric]) for row in metrics(run) if row[metric]}
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert values[best["global_step"]] == choose(values.values())
    assert best["global_step"] < 6  # else nothing was chosen
    saved = weights(run)["text_projection.0.weight"]
    assert saved.equal(best["state_dict"][WEIGHT])
    last = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert not saved.equal(last["state_dict"][WEIGHT])
    assert last["global_step"] == 6


@pytest.mark.parametrize("metric", ["val/loss", "val/retrieval-audio"])
def test_a_run_that_dies_after_its_best_validation_remembers_it(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, metric: str
) -> None:
    options = ["--trainer.val_check_interval=1", "--model.learning_rate=0.1", "--model.warmup_steps=0"]
    options += [f"--best_by={metric}", "--checkpoint_steps=1"]
    whole, died = tmp_path / "whole", tmp_path / "died"
    assert fit(tone_folder, whole, *options) == 0
    expected = torch.load(whole / "checkpoints" / "best.ckpt", weights_only=True)
    plainly = ContrastiveTask.training_step

    def dies(task: ContrastiveTask, *args: Any) -> torch.Tensor:
        if task.global_step == expected["global_step"]:
            fails()
        return plainly(task, *args)

    monkeypatch.setattr(ContrastiveTask, "training_step", dies)
    assert fit(tone_folder, died, *options) == 1
    monkeypatch.setattr(ContrastiveTask, "training_step", plainly)
    assert fit(tone_folder, died, "--resume=true", *options) == 0
    found = torch.load(died / "checkpoints" / "best.ckpt", weights_only=True)
    assert found["global_step"] == expected["global_step"] < 6
    assert weights(died)["text_projection.0.weight"].equal(expected["state_dict"][WEIGHT])


def test_only_the_validation_chooses(tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit(tone_folder, tmp_path / "a", "--best_by=train/loss") == 1
    assert "got 'train/loss'" in capsys.readouterr().err
    assert fit(tone_folder, tmp_path / "b", "--best_by=val/order") == 1
    assert "best_by must be one of val/loss, val/order-audio" in (message := capsys.readouterr().err)
    assert "got 'val/order'" in message
    assert fit(tone_folder, tmp_path / "c", "--best_by=val/loss", "--trainer.limit_val_batches=0") == 1
    assert "best_by val/loss needs a validation" in capsys.readouterr().err


class KeepWeights(pl.Callback):
    """Keeps a weight as it is after every optimiser step."""

    def __init__(self) -> None:
        self.kept: list[torch.Tensor] = []

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        self.kept.append(pl_module.state_dict()[WEIGHT].clone())


def test_averaged_weights_are_what_is_validated_and_saved_and_resume_exactly(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper, validated, validate = KeepWeights(), [], ContrastiveTask.validation_step

    def validating(task: ContrastiveTask, *rest: Any) -> None:
        validated.append(task.state_dict()[WEIGHT].clone())
        validate(task, *rest)

    monkeypatch.setattr(ContrastiveTask, "configure_callbacks", lambda _: [keeper])
    monkeypatch.setattr(ContrastiveTask, "validation_step", validating)
    averaged, whole, halved = ["--ema_decay=0.5"], tmp_path / "whole", tmp_path / "halved"
    assert fit(tone_folder, whole, *averaged) == 0
    assert len(keeper.kept) == 6
    expected = [keeper.kept[0]]
    for now in keeper.kept[1:]:
        expected.append(expected[-1].lerp(now, 0.5))
    assert weights(whole)["text_projection.0.weight"].allclose(expected[-1], atol=1e-7)
    assert not weights(whole)["text_projection.0.weight"].allclose(keeper.kept[-1], atol=1e-4)
    assert [any(seen.allclose(one, atol=1e-7) for seen in validated) for one in expected] == [False, False, True] * 2

    def stopping(trainer: pl.Trainer, *_: Any) -> None:
        if trainer.global_step == 4:  # called after those that stop, so that step 5 is the last
            os.kill(os.getpid(), 15)

    monkeypatch.setattr(keeper, "on_train_batch_end", stopping)
    assert fit(tone_folder, halved, *averaged) == 1
    monkeypatch.undo()
    assert torch.load(halved / "checkpoints" / "last.ckpt", weights_only=True)["global_step"] == 5
    assert fit(tone_folder, halved, *averaged, "--resume=true") == 0
    assert (halved / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert fit(tone_folder, halved, *averaged, "--resume=true") == 0  # there is nothing left to do
    assert (halved / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_what_dropout_drops_is_the_same_after_resuming(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dropping = ["--model.clap.init_args.audio_encoder.init_args.dropout=0.3", "--model.chunk_size=3"]
    whole, halved, other = tmp_path / "whole", tmp_path / "halved", tmp_path / "other"
    assert fit(tone_folder, whole, *dropping) == 0
    for run in (halved, other):
        assert fit(tone_folder, run, *dropping, "--trainer.limit_train_batches=4", "--trainer.max_epochs=1") == 0
    assert fit(tone_folder, halved, *dropping, "--resume=true") == 0
    assert (halved / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    monkeypatch.setattr(StepRandomness, "on_train_batch_start", lambda *_: None)
    assert fit(tone_folder, other, *dropping, "--resume=true") == 0
    assert differences(other, whole) > 1e-5


def test_bfloat16_trains_beside_float32(run: Path, tone_folder: Path, tmp_path: Path) -> None:
    options = ["--trainer.gradient_clip_val=0.5", "--trainer.precision=bf16-mixed", "--model.chunk_size=4"]
    assert fit(tone_folder, tmp_path / "half", *options) == 0
    ours, theirs = (
        float(next(row["val/loss"] for row in metrics(one) if row["val/loss"])) for one in (tmp_path / "half", run)
    )
    assert ours == pytest.approx(theirs, rel=0.02)
    assert ours != theirs
    assert all(value.dtype == torch.float32 for value in weights(tmp_path / "half").values())


@pytest.mark.slow
def test_compiled_encoders_train_the_same_model(run: Path, tone_folder: Path, tmp_path: Path) -> None:
    options = ["--trainer.gradient_clip_val=0.5", "--model.compile_encoders=true", "--model.chunk_size=4"]
    assert fit(tone_folder, tmp_path / "compiled", *options) == 0
    assert differences(run, tmp_path / "compiled") < 1e-4


@pytest.mark.slow
def test_wandb_gets_the_metrics_beside_the_run_folder(run: Path, tone_folder: Path, tmp_path: Path) -> None:
    """In a process of its own, since wandb starts others; without network."""
    command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(TINY), "--out", "logged",
               f"--data.init_args.events={tone_folder}", "--trainer.gradient_clip_val=0.5",
               "--trainer.logger=WandbLogger", "--trainer.logger.offline=true"]  # fmt: skip
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    (record,) = tmp_path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"val/order-group" in record.read_bytes()
    assert (tmp_path / "logged" / "metrics.csv").read_text() == (run / "metrics.csv").read_text()


def test_options_are_kept_in_the_run_folder(run: Path) -> None:
    kept = yaml.safe_load((run / "config.yaml").read_text())
    assert (kept["ema_decay"], kept["best_by"], kept["model"]["init_args"]["chunk_size"]) == (None, None, None)
