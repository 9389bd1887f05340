"""Under Slurm a warning before the end of a job's time saves between steps and puts the job back into the queue."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.compa.training.test_fit import ROOT, TINY

SLURM = {"SLURM_NTASKS": "1", "SLURM_NTASKS_PER_NODE": "1", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "77",
         "SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NODEID": "0", "SLURM_NODELIST": "localhost"}  # fmt: skip


def fit(events: Path, folder: Path, *, kill_after: int | None, signal_name: str) -> subprocess.CompletedProcess[str]:
    """Runs a job whose `scontrol` writes down what it is asked."""
    folder.mkdir(exist_ok=True)
    scontrol = folder / "scontrol"
    scontrol.write_text('#!/bin/sh\ncd "$(dirname "$0")"\necho "$@" >> asked\nls run/checkpoints >> asked\n')
    scontrol.chmod(0o755)
    config = yaml.safe_load(TINY.read_text())
    arguments = {"folder": str(folder), "kill_after_batch": kill_after, "signal_name": signal_name}
    recorder = {"class_path": "tests.compa.training.recorder.Recorder", "init_args": arguments}
    config["trainer"] |= {"callbacks": [recorder], "devices": 1}
    config["data"]["init_args"]["events"] = str(events)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(folder / "config.yaml"),
               "--out", str(folder / "run"), "--resume=true"]  # fmt: skip
    environment = os.environ | SLURM | {"OMP_NUM_THREADS": "1", "PATH": f"{folder}:{os.environ['PATH']}",
                                        "PYTHONPATH": str(ROOT)}  # fmt: skip
    return subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=240, env=environment
    )


@pytest.mark.parametrize("signal_name", ["SIGUSR1", pytest.param("SIGTERM", marks=pytest.mark.slow)])
def test_a_warned_job_saves_and_asks_to_run_again(tone_folder: Path, tmp_path: Path, signal_name: str) -> None:
    """Slurm itself puts a job back that it stops with SIGTERM to make room for another."""
    folder = tmp_path / "job"
    warned = fit(tone_folder, folder, kill_after=2, signal_name=signal_name)
    assert f"{folder / 'run'} keeps step" in warned.stderr, warned.stderr
    asked = (folder / "asked").read_text().splitlines() if (folder / "asked").exists() else []
    assert asked == (["requeue 77", "last.ckpt"] if signal_name == "SIGUSR1" else [])  # saved before it asks
    assert not list(folder.glob("hpc_ckpt*"))  # which any other training here would start from
    again = fit(tone_folder, folder, kill_after=None, signal_name=signal_name)
    assert again.returncode == 0, again.stderr
    assert "goes on after step" in again.stderr
    assert len((folder / "ids-0.jsonl").read_text().splitlines()) == 6  # each step once
