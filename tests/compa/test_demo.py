"""The demo as a new user runs it, with very few steps."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile

import compa
from benchmarks.models.controls import controls
from compa import cli, demo

FEW_STEPS = f"{demo.OTHER_MINUTES + 2 / demo.STEPS_PER_MINUTE}"
COMMAND = [sys.executable, "-m", "compa.cli", "demo"]


def run(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, cwd=cwd)


def results(out: Path) -> dict[str, dict[str, object]]:
    records = {path.name: json.loads(path.read_text()) for path in (out / "results").iterdir()}
    for record in records.values():
        record.pop("run")
    return records


@pytest.fixture(scope="module")
def done(tone_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    folder = tmp_path_factory.mktemp("demo")
    return folder, run("--events", str(tone_folder), "--minutes", FEW_STEPS, "--out", "d", cwd=folder)


def test_the_demo_leaves_models_results_and_a_report(
    done: tuple[Path, subprocess.CompletedProcess[str]], tone_folder: Path
) -> None:
    folder, process = done
    assert process.returncode == 0, process.stderr
    assert "chance" in process.stdout
    assert "composition-aware" in process.stdout
    out = folder / "d"
    assert sorted(path.name for path in folder.iterdir()) == ["d"]
    for model in ("vanilla", "composition-aware"):
        assert compa.load(str(out / model)).embed_text(["horn"]).shape == (1, 256)
        assert json.loads((out / model / "heldout.json").read_text())["held_out_pairs"]
    records = results(out)
    assert len(records) == 2 * (len(demo.MODELS) + len(controls()))
    for name, record in records.items():
        assert str(folder) not in json.dumps(record)
        if "constant" in name or "text-only" in name:
            metrics = record["metrics"]
            assert isinstance(metrics, dict)
            assert [metrics[metric]["value"] for metric in ("text", "audio", "group")] == [0, 0, 0]
    page = (out / "report.html").read_text()
    assert page.count("<audio") == 2 * 2 * 4  # sounds of the best and the worst items of each task
    assert not re.search(r"(?:src|href)=[\"']?https?:", page)
    again = run("--events", str(tone_folder), "--minutes", FEW_STEPS, "--out", "d", cwd=folder)
    assert again.returncode == 1
    assert "already holds a run" in again.stderr
    assert results(out) == records


@pytest.mark.slow
def test_the_same_seed_gives_the_same_results(
    done: tuple[Path, subprocess.CompletedProcess[str]], tone_folder: Path, tmp_path: Path
) -> None:
    run("--events", str(tone_folder), "--minutes", FEW_STEPS, "--out", "d", cwd=tmp_path)
    assert results(tmp_path / "d") == results(done[0] / "d")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_says_what_is_kept_and_leaves_no_process(tone_folder: Path, tmp_path: Path, number: int) -> None:
    command = [*COMMAND, "--events", str(tone_folder), "--minutes", "600", "--out", str(tmp_path / "d")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=tmp_path, start_new_session=True)
    deadline = time.monotonic() + 120
    logs = [tmp_path / "d" / model / "metrics.csv" for model in demo.MODELS]
    while not all(log.exists() and log.stat().st_size for log in logs) and time.monotonic() < deadline:
        time.sleep(0.2)
    listed = ["ps", "-ww", "-eo", "args"]
    assert (
        f"--out {tmp_path / 'd' / 'vanilla'}"
        in subprocess.run(listed, capture_output=True, text=True, check=True).stdout
    )
    os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=150)
    assert process.returncode == 1
    assert f"compa: interrupted; {tmp_path / 'd'} keeps" in errors
    assert "Traceback" not in errors
    for model in demo.MODELS:
        assert compa.load(str(tmp_path / "d" / model)).embed_text(["horn"]).shape == (1, 256)
    assert str(tmp_path) not in subprocess.run(listed, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    ("labels", "message"),
    [(0, "label"), (1, "at least 3"), (2, "at least 3")],
)
def test_folders_with_too_little_are_refused(
    labels: int,
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "events").mkdir()
    noise = np.random.default_rng(0).normal(size=32000) * 0.1
    for label in range(labels):
        (tmp_path / "events" / f"label{label}").mkdir()
        for number in range(4):
            soundfile.write(tmp_path / "events" / f"label{label}" / f"{number}.wav", noise * (number + 1) / 4, 16000)
    assert cli.main(["demo", "--events", "events", "--minutes", FEW_STEPS, "--out", "d"]) == 1
    errors = capsys.readouterr().err
    assert message in errors
    assert len(errors.strip().splitlines()[-1].split(". ")) == 1
    assert not (tmp_path / "d").exists()


def test_minutes_become_steps_by_a_fixed_rate() -> None:
    assert demo.num_steps(demo.OTHER_MINUTES + 1) == demo.STEPS_PER_MINUTE
    with pytest.raises(ValueError, match="leaves no time"):
        demo.num_steps(demo.OTHER_MINUTES)


def test_a_folder_that_is_no_run_is_never_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "thesis.tex").write_text("years of work")
    assert cli.main(["demo", "--out", ".", "--overwrite"]) == 1
    assert "not a run of compa" in capsys.readouterr().err
    assert (tmp_path / "thesis.tex").exists()
