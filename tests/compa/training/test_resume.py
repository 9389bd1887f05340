"""Killed trainings: what they see and learn after resuming is what they would have without the kill."""

from __future__ import annotations

import csv
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from compa import cli
from compa.data.shards.pack import PackSettings, pack
from compa.training.contrastive import ContrastiveTask
from tests.compa.data.corpus import RATE, write_corpus
from tests.compa.training.recorder import read_steps

ROOT = Path(__file__).parents[3]
PACKED = ROOT / "tests" / "configs" / "packed.yaml"
TINY = ROOT / "tests" / "configs" / "tiny.yaml"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """As the processes have it that are killed: sums of two threads' parts have other last bits."""
    num_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(num_threads)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    pack(write_corpus(folder / "in", 46, twins=True), folder / "out", PackSettings("flac", RATE, 7))
    return folder / "out"


def command(
    run: Path, shards: Path, *options: str, kill_after: int | None = None, signal_name: str = "SIGKILL"
) -> list[str]:
    """The words after `compa`; the epoch has 5 steps."""
    run.parent.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = yaml.safe_load(PACKED.read_text())
    config["data"]["init_args"] |= {"train": [str(shards)], "validation": [str(shards)]}
    arguments = {"folder": str(run.parent), "kill_after_batch": kill_after, "signal_name": signal_name}
    recorder = {"class_path": "tests.compa.training.recorder.Recorder", "init_args": arguments}
    config["trainer"]["callbacks"] = [recorder]
    (run.parent / "config.yaml").write_text(yaml.safe_dump(config))
    return ["fit", "--config", str(run.parent / "config.yaml"), "--out", str(run), "--checkpoint_steps=2", *options]


def start(words: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "compa.cli", *words],
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def expected(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("whole") / "run"
    assert cli.main(command(run, shards)) == 0
    return run


def sequence(run: Path) -> list[list[Any]]:
    """What the steps saw; where a step came again after a kill, it saw the same."""
    seen: dict[int, list[Any]] = {}
    for step, _, clips in read_steps(run.parent):
        if seen.setdefault(step, clips) != clips:
            shorter, longer = sorted((seen[step], clips), key=len)
            assert longer[: len(shorter)] == shorter, f"step {step}"  # a rank was killed before it wrote
            seen[step] = longer
    assert list(seen) == list(range(1, len(seen) + 1))
    return list(seen.values())


def test_an_uninterrupted_run_sees_other_clips_every_epoch(expected: Path) -> None:
    steps = sequence(expected)
    assert len(steps) == 12
    epochs = [steps[:5], steps[5:10]]
    for epoch in epochs:
        assert len({clip[0] for step in epoch for clip in step}) == 40
    assert epochs[0] != epochs[1]


@pytest.mark.parametrize("kill_after", [pytest.param(3, marks=pytest.mark.slow), 7])
def test_a_killed_run_goes_on_as_if_nothing_had_happened(
    expected: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kill_after: int
) -> None:
    run = tmp_path / "run"
    process = start(command(run, shards, kill_after=kill_after))
    _, errors = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, errors
    assert not (run / "model.safetensors").exists()
    assert cli.main(command(run, shards, "--resume=true")) == 0
    assert f"{run} goes on after step {kill_after - 1}" in capsys.readouterr().err
    again = [step for step, _, _ in read_steps(tmp_path)][kill_after:]
    assert again == list(range(kill_after, 13))  # the last checkpoint is of the step before
    assert sequence(run) == sequence(expected)
    assert (run / "model.safetensors").read_bytes() == (expected / "model.safetensors").read_bytes()
    assert metrics(run) == metrics(expected)


def metrics(run: Path) -> list[str]:
    header, *rows = (run / "metrics.csv").read_text().splitlines()
    return [header, *rows]


def test_a_run_that_was_killed_before_its_first_checkpoint_starts_anew(
    expected: Path, shards: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start(command(run, shards, kill_after=1))
    process.communicate(timeout=120)
    assert cli.main(command(run, shards, "--resume=true")) == 0
    assert sequence(run) == sequence(expected)
    assert (run / "model.safetensors").read_bytes() == (expected / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    "batches",
    [pytest.param("--trainer.limit_train_batches=3", marks=pytest.mark.slow), "--trainer.accumulate_grad_batches=2"],
)
def test_shorter_epochs_and_accumulation_resume_too(shards: Path, tmp_path: Path, batches: str) -> None:
    options = [batches, "--trainer.val_check_interval=3", "--trainer.max_steps=8"]
    assert cli.main(command(tmp_path / "whole" / "run", shards, *options)) == 0
    process = start(command(tmp_path / "killed" / "run", shards, *options, kill_after=7))
    process.communicate(timeout=120)
    assert cli.main(command(tmp_path / "killed" / "run", shards, *options, "--resume=true")) == 0
    whole, killed = ({str(clips) for _, _, clips in read_steps(tmp_path / name)} for name in ("whole", "killed"))
    assert whole == killed
    weights = [(tmp_path / name / "run" / "model.safetensors").read_bytes() for name in ("whole", "killed")]
    assert weights[0] == weights[1]


def micro_batches(run: Path) -> list[list[Any]]:
    """What the micro-batches saw, one after the other."""
    return [clips for _, _, clips in read_steps(run.parent)]


ACCUMULATED = ["--trainer.accumulate_grad_batches=2", "--trainer.max_steps=12", "--checkpoint_steps=100"]


@pytest.fixture(scope="module")
def accumulated(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("accumulated") / "run"
    assert cli.main(command(run, shards, *ACCUMULATED)) == 0
    return run


def check_resumed(run: Path, shards: Path, accumulated: Path) -> None:
    """Resuming gives the same micro-batches one after the other, each once, and the same weights."""
    assert cli.main(command(run, shards, *ACCUMULATED, "--resume=true")) == 0
    assert micro_batches(run) == micro_batches(accumulated)
    assert (run / "model.safetensors").read_bytes() == (accumulated / "model.safetensors").read_bytes()


@pytest.mark.parametrize(
    ("batch", "signal_name"), [(5, "SIGINT"), (5, "SIGTERM"), pytest.param(9, "SIGTERM", marks=pytest.mark.slow),
                               pytest.param(10, "SIGINT", marks=pytest.mark.slow)]
)  # fmt: skip
def test_a_signal_stops_between_optimiser_steps_and_nothing_is_lost(
    accumulated: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], batch: int, signal_name: str
) -> None:
    """After an odd batch half a step is left; an epoch has 10."""
    run, step = tmp_path / "run", (batch + 1) // 2
    words = command(run, shards, *ACCUMULATED, kill_after=batch, signal_name=signal_name)
    assert cli.main(words) == 1
    assert f"interrupted; {run} keeps step {step}" in capsys.readouterr().err
    assert len(micro_batches(run)) == 2 * step
    check_resumed(run, shards, accumulated)


def test_a_signal_to_all_processes_leaves_the_workers_to_the_step(
    accumulated: Path, shards: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    workers = "--data.init_args.num_workers=2"
    process = start(command(run, shards, *ACCUMULATED, workers, kill_after=5, signal_name="group SIGTERM"))
    _, errors = process.communicate(timeout=120)
    assert (process.returncode, f"{run} keeps step 3" in errors, "Traceback" in errors) == (1, True, False), errors
    check_resumed(run, shards, accumulated)


def test_validation_is_finished_first(
    accumulated: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 5 batches of the first validation, after step 2, the signal comes in the second; the stop is after step 3."""
    run, calls, validate = tmp_path / "run", 0, ContrastiveTask.validation_step

    def signalling(*arguments: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            os.kill(os.getpid(), signal.SIGINT)
        validate(*arguments)

    monkeypatch.setattr(ContrastiveTask, "validation_step", signalling)
    assert cli.main(command(run, shards, *ACCUMULATED)) == 1
    assert calls == 5
    assert f"{run} keeps step 3" in capsys.readouterr().err
    check_resumed(run, shards, accumulated)
    assert validations(run) == validations(accumulated)


def validations(run: Path) -> list[str]:
    with (run / "metrics.csv").open() as file:
        return [row["val/loss"] for row in csv.DictReader(file) if row["val/loss"]]


def test_a_second_signal_stops_at_once_and_saves_nothing(
    shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, calls, train = tmp_path / "run", 0, ContrastiveTask.training_step

    def signalling(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 7:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
        return train(*arguments)

    monkeypatch.setattr(ContrastiveTask, "training_step", signalling)
    assert cli.main(command(run, shards, *ACCUMULATED, "--checkpoint_steps=2")) == 1
    assert f"{run} keeps its last checkpoint" in capsys.readouterr().err
    assert len(micro_batches(run)) == 6
    saved = torch.load(run / "checkpoints" / "last.ckpt", weights_only=True)
    assert saved["global_step"] == 2
    monkeypatch.undo()
    assert cli.main(command(run, shards, *ACCUMULATED, "--checkpoint_steps=2", "--trainer.max_steps=2")) == 1
    assert "already holds a run" in capsys.readouterr().err


@pytest.mark.slow
def test_all_ranks_stop_in_the_same_step_when_one_gets_a_signal(
    accumulated: Path, shards: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    ranks = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    process = start(command(run, shards, *ACCUMULATED, *ranks, kill_after=5, signal_name="SIGTERM"))
    _, errors = process.communicate(timeout=240)
    assert f"{run} keeps step 3" in errors
    assert cli.main(command(run, shards, *ACCUMULATED, "--resume=true")) == 0
    assert micro_batches(run) == micro_batches(accumulated)


def test_composed_scenes_resume_in_the_middle_of_an_epoch(tone_folder: Path, tmp_path: Path) -> None:
    def words(run: Path, *options: str, kill_after: int | None = None) -> list[str]:
        run.parent.mkdir(exist_ok=True)
        config: dict[str, Any] = yaml.safe_load(TINY.read_text())
        config["data"]["init_args"]["events"] = str(tone_folder)
        config["data"]["init_args"]["num_batches"] = 5
        arguments = {"folder": str(run.parent), "kill_after_batch": kill_after}
        config["trainer"]["callbacks"] = [
            {"class_path": "tests.compa.training.recorder.Recorder", "init_args": arguments}
        ]
        config["trainer"]["max_steps"] = 8
        (run.parent / "config.yaml").write_text(yaml.safe_dump(config))
        return ["fit", "--config", str(run.parent / "config.yaml"), "--out", str(run), "--checkpoint_steps=2", *options]

    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    assert cli.main(words(whole)) == 0
    process = start(words(killed, kill_after=7))
    process.communicate(timeout=120)
    assert cli.main(words(killed, "--resume=true")) == 0
    assert sequence(killed) == sequence(whole)
    assert len({clip[0] for step in sequence(whole) for clip in step}) == 8 * 8  # no epoch repeats another
    assert (killed / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_other_data_or_settings_do_not_resume(
    expected: Path, shards: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    checkpoint = f"--ckpt_path={expected / 'checkpoints' / 'last.ckpt'}"
    other = "--data.init_args.seed=7"
    assert cli.main(command(tmp_path / "a" / "run", shards, checkpoint, other)) == 1
    assert "was trained with seed 0, now it is 7" in capsys.readouterr().err
    assert cli.main(command(tmp_path / "b" / "run", shards, "--resume=true", "--overwrite=true")) == 1
    assert "excludes --overwrite" in capsys.readouterr().err
    assert cli.main(command(tmp_path / "c" / "run", shards, "--resume=true", checkpoint)) == 1
    assert "excludes --ckpt_path" in capsys.readouterr().err
    assert cli.main(command(tmp_path / "d" / "run", shards, "--checkpoint_steps=0")) == 1
    assert "checkpoint_steps must be at least 1; got 0" in capsys.readouterr().err


def test_two_ranks_resume_on_one(expected: Path, shards: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ranks = ["--trainer.devices=2", "--trainer.strategy=ddp"]
    process = start(command(run, shards, *ranks, kill_after=7))
    try:
        process.communicate(timeout=120)
    finally:
        kill_all(process)
    assert cli.main(command(run, shards, "--resume=true")) == 0
    assert {ranks for _, ranks, _ in read_steps(tmp_path)} == {1, 2}
    assert sequence(run) == sequence(expected)


def kill_all(process: subprocess.Popen[str]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


@pytest.mark.slow
def test_two_ranks_killed_at_ten_random_steps(shards: Path, tmp_path: Path) -> None:
    """The last of the runs goes on with one rank."""
    chance = random.Random(0)
    options = ["--trainer.max_steps=60"]
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    assert cli.main(command(whole, shards, *options)) == 0
    for _ in range(10):
        words = command(killed, shards, *options, "--resume=true", "--trainer.devices=2", "--trainer.strategy=ddp")
        process = start(words)
        target = (
            len(read_steps(killed.parent)) + chance.randint(1, 6) if (killed.parent / "ids-0.jsonl").exists() else 3
        )
        deadline = time.monotonic() + 120
        while process.poll() is None and time.monotonic() < deadline:
            if (killed.parent / "ids-0.jsonl").exists() and count_lines(killed.parent / "ids-0.jsonl") >= target:
                break
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.1))
        kill_all(process)
        process.communicate()
    assert cli.main(command(killed, shards, *options, "--resume=true")) == 0
    assert sequence(killed) == sequence(whole)


def count_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n")
