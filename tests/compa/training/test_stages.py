"""The three stages, one after the other, as the shipped recipes say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import compa
from compa import cli

CONFIGS = Path(__file__).parents[3] / "configs"
FEW = ["--trainer.max_steps=2", "--trainer.enable_progress_bar=false", "--data.init_args.batch_size=4",
       "--data.init_args.num_workers=0"]  # fmt: skip


def fit(config: str, *options: str) -> int:
    return cli.main(["fit", "--config", str(CONFIGS / config), *FEW, *options])


def on_hard_negatives(events: Path, *options: str) -> int:
    few = ["--data.init_args.num_batches=4", "--data.init_args.num_validation_batches=1"]
    return fit("2_hard_negatives_small.yaml", f"--data.init_args.events={events}", *few, *options)


def test_each_stage_goes_on_with_the_model_of_the_one_before(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    few = ["--num", "8", "--seconds", "2", "--max-events", "2", "--clips-per-shard", "8"]
    assert cli.main(["scenes", "render", "--events", str(tone_folder), "--out", "scenes", *few]) == 0
    assert on_hard_negatives(tone_folder) == 1
    assert "runs/1_pretrain_small is not a model" in capsys.readouterr().err

    assert fit("1_pretrain_small.yaml") == 0
    assert on_hard_negatives(tone_folder, "--model.learning_rate=0", "--model.weight_decay=0") == 0
    stages = ["1_pretrain_small", "2_hard_negatives_small", "3_modular_small"]
    first, second = (compa.load(f"runs/{stage}") for stage in stages[:2])
    texts = ["low hum, then horn", "horn, then low hum"]
    np.testing.assert_array_equal(first.embed_text(texts), second.embed_text(texts))  # nothing was learnt in between

    assert fit("3_modular_small.yaml") == 0
    third = compa.load("runs/3_modular_small")
    assert 0 < np.abs(third.embed_text(texts) - second.embed_text(texts)).max() < 0.2


def test_a_stage_resumes_without_starting_over(
    tone_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was learnt since the stage began is kept, although the recipe still names the model that it began with."""
    monkeypatch.chdir(tmp_path)
    few = ["--num", "8", "--seconds", "2", "--max-events", "2", "--clips-per-shard", "8"]
    assert cli.main(["scenes", "render", "--events", str(tone_folder), "--out", "scenes", *few]) == 0
    assert fit("1_pretrain_small.yaml") == 0
    whole = ["--trainer.max_steps=4", "--model.warmup_steps=1"]
    assert on_hard_negatives(tone_folder, *whole, "--out=whole") == 0
    assert on_hard_negatives(tone_folder, *whole, "--out=halved", "--trainer.limit_train_batches=2",
               "--trainer.max_epochs=1") == 0  # fmt: skip
    assert on_hard_negatives(tone_folder, *whole, "--out=halved", "--resume=true") == 0
    one, other = (compa.load(run).clap.state_dict() for run in ("whole", "halved"))
    assert all((one[name] == other[name]).all() for name in one)
