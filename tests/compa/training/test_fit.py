"""Real trainings of seconds: what they leave behind, and that they repeat."""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml

import compa
from compa import cli, demo
from compa.data.shards.pack import PackSettings, pack
from compa.models.encoders.transformers_text import TransformersText
from compa.objectives import HardNegativeNCE
from compa.training.contrastive import ContrastiveTask
from compa.training.launch import recipe
from compa.training.schedule import warmup_cosine
from tests.compa.data.corpus import write_corpus

ROOT = Path(__file__).parents[3]
TINY = ROOT / "tests" / "configs" / "tiny.yaml"


def fit(events: Path, out: Path, *options: str) -> int:
    return cli.main(["fit", "--config", str(TINY), f"--data.init_args.events={events}", "--out", str(out), *options])


def metrics(run: Path) -> list[dict[str, str]]:
    with (run / "metrics.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def run(tone_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "tiny"
    assert fit(tone_folder, out) == 0
    return out


def test_a_run_folder_holds_all_that_is_needed(run: Path) -> None:
    assert {path.name for path in run.iterdir()} == {
        "checkpoints", "config.yaml", "heldout.json", "metrics.csv", "model.json", "model.safetensors"
    }  # fmt: skip
    assert len(json.loads((run / "heldout.json").read_text())["held_out_pairs"]) == 5
    assert yaml.safe_load((run / "config.yaml").read_text())["trainer"]["max_steps"] == 6
    validated = [row for row in metrics(run) if row["val/loss"]]
    assert [row["step"] for row in validated] == ["2", "5"]
    assert 0 <= float(validated[0]["val/order-group"]) <= float(validated[0]["val/order-text"]) <= 1
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["last.ckpt"]
    checkpoint, saved = compa.load(str(run / "checkpoints" / "last.ckpt")), compa.load(str(run))
    np.testing.assert_array_equal(checkpoint.embed_text(["horn, then beeper"]), saved.embed_text(["horn, then beeper"]))


def test_the_same_seed_trains_the_same_model(run: Path, tone_folder: Path, tmp_path: Path) -> None:
    fit(tone_folder, tmp_path / "again")
    assert (tmp_path / "again" / "model.safetensors").read_bytes() == (run / "model.safetensors").read_bytes()
    fit(tone_folder, tmp_path / "other", "--seed_everything=2")
    assert (tmp_path / "other" / "model.safetensors").read_bytes() != (run / "model.safetensors").read_bytes()


def test_a_run_is_never_overwritten_unasked(
    run: Path, tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (run / "model.safetensors").read_bytes()
    assert fit(tone_folder, run) == 1
    assert "already holds a run" in capsys.readouterr().err
    assert (run / "model.safetensors").read_bytes() == before
    (tmp_path / "thesis.tex").write_text("years of work")
    assert fit(tone_folder, tmp_path, "--overwrite=true") == 1
    assert (tmp_path / "thesis.tex").exists()
    assert fit(tone_folder, run, "--overwrite=true") == 0
    assert fit(tone_folder, run, "--overwrite=false") == 1
    assert fit(tone_folder, run, "--overwrite", "--trainer.max_steps=2") == 0


def test_validate_takes_a_checkpoint(run: Path, tone_folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--config", str(TINY), f"--data.init_args.events={tone_folder}"]
    assert cli.main(["validate", *arguments, "--ckpt_path", str(run / "checkpoints" / "last.ckpt")]) == 0
    assert "val/order-group" in capsys.readouterr().out


def test_bad_configurations_are_told_in_a_sentence(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert fit(tmp_path / "nothing", tmp_path / "a") == 1
    assert "there is no" in capsys.readouterr().err
    assert fit(tone_folder, tmp_path / "b", "--data.init_args.batch_size=7") == 1
    assert "batch_size 7 does not divide" in capsys.readouterr().err
    assert fit(tone_folder, tmp_path / "c", "--trainer.max_steps=-1", "--trainer.max_epochs=1") == 1
    assert "trainer.max_steps" in capsys.readouterr().err
    assert fit(tone_folder, tmp_path / "d", "--model.lerning_rate=1") == 2
    assert "lerning_rate" in capsys.readouterr().err


def test_data_of_another_rate_than_the_models_is_refused(
    tone_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    preset = "--model.clap.init_args.audio_encoder.init_args.config=32khz"
    assert fit(tone_folder, tmp_path / "run", preset) == 1
    assert "the data has 16000 Hz, but the model's audio encoder reads 32000 Hz" in capsys.readouterr().err
    assert fit(tone_folder, tmp_path / "run") == 0  # what failed is no run that stands in the way
    assert (tmp_path / "run" / "config.yaml").is_file()


def test_ctrl_c_keeps_a_checkpoint_that_loads(tone_folder: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(TINY), "--out", str(tmp_path / "run"),
               f"--data.init_args.events={tone_folder}", "--trainer.max_steps=100000",
               "--data.init_args.num_batches=100000", "--trainer.val_check_interval=5"]  # fmt: skip
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
    deadline = time.monotonic() + 90
    while not (tmp_path / "run" / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "compa: interrupted" in errors
    assert "Traceback" not in errors
    assert compa.load(str(tmp_path / "run")).embed_text(["x"]).shape == (1, 32)


@pytest.mark.parametrize("name", ["vanilla", "composition-aware"])
def test_the_shipped_recipes_are_those_of_the_demo(name: str) -> None:
    shipped = yaml.safe_load((ROOT / "configs" / f"{name.replace('-', '_')}.yaml").read_text())
    ours = recipe(demo.MODELS[name], events=None, max_steps=1000, seed=0)
    assert shipped["data"]["init_args"] | {"seed": 0} == ours["data"]["init_args"]
    assert shipped["trainer"] == ours["trainer"]
    assert shipped["model"] == ours["model"]


def test_features_are_cached_for_models_that_read_log_mel_features_only(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """AST reads Kaldi's features: cached log-mel features would be others, without a word."""
    pack(write_corpus(tmp_path / "in", 8), tmp_path / "shards", PackSettings())
    layers = {"num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16, "hidden_size": 16}
    config = {
        "model": {"class_path": "ContrastiveTask", "init_args": {"clap": {"class_path": "CLAP", "init_args": {
            "embedding_size": 16, "num_segments": 0,
            "audio_encoder": {"class_path": "AST", "init_args": {
                "model": {**layers, "num_mel_bins": 32, "max_length": 100}}}}}}},
        "data": {"class_path": "PackedData", "init_args": {
            "train": [str(tmp_path / "shards")], "batch_size": 4, "feature_cache": str(tmp_path / "cache")}},
        "trainer": {"max_steps": 1, "accelerator": "cpu", "enable_progress_bar": False, "enable_model_summary": False},
    }  # fmt: skip
    (tmp_path / "x.yaml").write_text(yaml.safe_dump(config))
    words = ["fit", "--config", str(tmp_path / "x.yaml"), "--out", str(tmp_path / "run")]
    assert cli.main(words) == 1
    assert "feature_cache keeps log-mel features" in capsys.readouterr().err
    assert cli.main([*words, "--overwrite", "--data.feature_cache=null"]) == 0


PAPER_SIZE = sorted(path for path in (ROOT / "configs").glob("[0-9]*.yaml") if not path.stem.endswith("_small"))


@pytest.mark.parametrize("config", sorted((ROOT / "configs").glob("[a-z]*.yaml")), ids=lambda path: path.name)
def test_every_shipped_recipe_fits(config: Path, tone_folder: Path, tmp_path: Path) -> None:
    if yaml.safe_load(config.read_text())["data"]["class_path"].endswith("PackedData"):
        pack(write_corpus(tmp_path / "in", 8), tmp_path / "shards", PackSettings())
        data = [f"--data.init_args.train=[{tmp_path / 'shards'}]"]
    else:
        data = ["--data.init_args.num_batches=2", "--data.init_args.num_validation_batches=1",
                f"--data.init_args.events={tone_folder}"]  # fmt: skip
    few = ["--trainer.max_steps=2", "--trainer.val_check_interval=2", "--trainer.enable_progress_bar=false",
           "--data.init_args.batch_size=4", "--data.init_args.num_workers=0", *data]  # fmt: skip
    assert cli.main(["fit", "--config", str(config), "--out", str(tmp_path / "run"), *few]) == 0
    assert (tmp_path / "run" / "model.safetensors").exists()


@pytest.mark.parametrize("config", PAPER_SIZE, ids=lambda path: path.name)
def test_recipes_of_paper_size_are_valid_and_their_tiny_counterparts_differ_in_values_alone(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["fit", "--config", str(config), "--print_config"]) == 0
    assert cli.main(["fit", "--config", str(config), "--print_config", "--model.clap.init_args.nothing=1"]) == 2
    assert "nothing" in capsys.readouterr().err
    shipped, tiny = (yaml.safe_load(path.read_text()) for path in (config, TINY.parent / config.name))

    def settings(values: dict[str, Any], above: str = "") -> set[str]:
        inner = [settings(value, f"{above}{key}.") for key, value in values.items() if isinstance(value, dict)]
        paths = {f"{above}{key}={value}" for key, value in values.items() if key == "class_path"}
        return paths.union(*inner)

    assert settings(shipped) == settings(tiny)


def test_the_three_stages_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Tiny HTSAT and T5; each stage goes on from the run before, and each text is embedded once in all of them."""
    monkeypatch.chdir(tmp_path)
    pack(write_corpus(tmp_path / "in", 8), tmp_path / "shards", PackSettings())
    embedded: list[str] = []
    tokenize = TransformersText.tokenize

    def counted(encoder: TransformersText, texts: Sequence[str]) -> Any:
        embedded.extend(texts)
        return tokenize(encoder, texts)

    monkeypatch.setattr(TransformersText, "tokenize", counted)
    before: dict[str, torch.Tensor] = {}
    for config in PAPER_SIZE:
        run = Path("runs", config.stem)
        assert cli.main(["fit", "--config", str(TINY.parent / config.name), "--out", str(run)]) == 0
        after = compa.load(str(run)).clap.state_dict()
        changed = {name for name, value in before.items() if not torch.equal(value, after[name])}
        assert not any(name.startswith("text_encoder.") or "batch_norm.running" in name for name in changed)
        assert changed or not before
        assert any(name.startswith("audio_encoder.") for name in changed) or not before
        before = after
    assert len(embedded) == len(set(embedded)) > 8


def test_the_schedule_rises_and_falls() -> None:
    factor = warmup_cosine(4, 104)
    assert [factor(step) for step in range(5)] == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0])
    assert factor(54) == pytest.approx(0.5)
    assert factor(104) == pytest.approx(0.0)
    assert factor(500) == 0.0


def test_two_ranks_train_as_one_process_does(tone_folder: Path, tmp_path: Path) -> None:
    """The same global batch on 2 gloo processes: the same weights after 6 steps, up to rounding."""
    options = [f"--data.init_args.events={tone_folder}", "--trainer.gradient_clip_val=1.0"]
    for name, devices in (("one", "1"), ("two", "2")):
        command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(TINY), "--out", str(tmp_path / name),
                   f"--trainer.devices={devices}", "--trainer.strategy=ddp", *options]  # fmt: skip
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"}
        )
        assert done.returncode == 0, done.stderr[-2000:]
    one, two = (compa.load(str(tmp_path / name)).clap.state_dict() for name in ("one", "two"))
    for name, weights in one.items():
        torch.testing.assert_close(two[name], weights, atol=2e-5, rtol=0, msg=name)


def test_the_task_takes_an_objective() -> None:
    assert isinstance(ContrastiveTask(objective=HardNegativeNCE()).objective, HardNegativeNCE)
