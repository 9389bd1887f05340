"""A task that compa does not know is trained, stopped, resumed and exported by `compa fit` as it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from safetensors.torch import load_file

from compa import cli
from tests.compa.training.other_task import Autoencoder

MODULE = "tests.compa.training.other_task"


def fit(folder: Path, *options: str) -> int:
    config: dict[str, Any] = {
        "model": {"class_path": f"{MODULE}.Autoencoder", "init_args": {"width": 3}},
        "data": f"{MODULE}.VectorData",
        "trainer": {"max_steps": 12, "val_check_interval": 4, "accelerator": "cpu", "num_sanity_val_steps": 0,
                    "enable_progress_bar": False, "enable_model_summary": False},
    }  # fmt: skip
    path = folder.parent / f"{folder.name}.yaml"
    path.write_text(yaml.safe_dump(config))
    return cli.main(["fit", "--config", str(path), "--out", str(folder), "--checkpoint_steps=4", *options])


def test_it_is_trained_resumed_and_exported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole, halved = tmp_path / "whole", tmp_path / "halved"
    assert fit(whole, "--ema_decay=0.5") == 0
    assert {path.name for path in whole.iterdir()} == {
        "checkpoints", "config.yaml", "metrics.csv", "model.safetensors"
    }  # fmt: skip
    with monkeypatch.context() as patch:
        patch.setattr(Autoencoder, "on_train_batch_start", fail_in_step_seven, raising=False)
        assert fit(halved, "--ema_decay=0.5") == 1
    assert not (halved / "model.safetensors").exists()
    assert fit(halved, "--ema_decay=0.5", "--resume") == 0
    assert f"{halved} goes on after step 4" in capsys.readouterr().err
    for name in ("model.safetensors", "metrics.csv"):
        assert (halved / name).read_bytes() == (whole / name).read_bytes()
    (halved / "model.of-an-earlier-version").touch()
    assert fit(halved, "--overwrite", "--best_by=val/loss", "--model.freeze=[0.*]") == 0
    assert not (halved / "model.of-an-earlier-version").exists()
    best = torch.load(halved / "checkpoints" / "best.ckpt", weights_only=True)["state_dict"]
    exported = load_file(halved / "model.safetensors")
    assert all(exported[name].equal(value) for name, value in best.items())


def fail_in_step_seven(task: Autoencoder, *_: object) -> None:
    if task.global_step == 6:
        raise ValueError("out of luck")


def test_what_is_not_finite_stops_it_and_is_saved(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    assert fit(run, "--data.spoilt=2") == 1
    assert "in step 3, since the loss is" in capsys.readouterr().err
    assert json.loads((run / "nonfinite" / "batch-0.json").read_text())["step"] == 3
    batch = torch.load(run / "nonfinite" / "batch-0.pt", weights_only=True)
    assert not torch.isfinite(batch["0"]).any()
    state = torch.load(run / "nonfinite" / "state.pt", weights_only=True)
    assert all(torch.isfinite(value).all() for value in state["state_dict"].values())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model=pytorch_lightning.LightningModule"], "a subclass of BaseTask"),
        (["--model=Autoencodr"], "unknown BaseTask 'Autoencodr'; did you mean 'Autoencoder'?"),
        (["--model.wdth=3"], "unknown option of Autoencoder 'wdth'; did you mean 'width'?"),
        (["--model.width=x"], "--model.width: Expected a <class 'int'>. Got value: x"),
        (["--data.spolt=3"], "unknown option of VectorData 'spolt'; did you mean 'spoilt'?"),
        (["--model=ContrastiveTask", "--model.objective=InfoNC"], "--model.objective: unknown Objective 'InfoNC'"),
        (["--model=ContrastiveTask", "--model.clap=CLAP", "--model.clap.audio_encoder=HTSAT",
          "--model.clap.audio_encoder.padd=3"], "--model.clap.audio_encoder: unknown option of HTSAT 'padd'"),
        (["--trainer.max_steps=x"], "--trainer.max_steps"),
        (["--overwrite=perhaps"], "perhaps"),
        (["--chekpoint_steps=3"], "--chekpoint_steps=3"),
        (["--config=nowhere.yaml"], "nowhere.yaml"),
    ],
)  # fmt: skip
def test_wrong_classes_and_options_are_refused_in_one_sentence(
    options: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(tmp_path / "run", *options) == 2
    message = capsys.readouterr().err
    assert message.startswith("compa fit: ")
    assert words in message
    assert message.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_a_recipe_without_a_class_is_told_what_it_lacks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "old.yaml").write_text("model: {objective: {class_path: compa.objectives.InfoNCE}}\ndata: SceneData\n")
    assert cli.main(["fit", "--config", str(tmp_path / "old.yaml"), "--out", str(tmp_path / "run")]) == 2
    message = capsys.readouterr().err
    assert "--model: a class_path must be one of" in message
    assert "ContrastiveTask" in message
