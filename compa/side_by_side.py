"""Trainings in processes of their own, side by side, each with a progress bar."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

REUSE_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Tells glibc to keep freed memory: handing each step's activations back to the kernel costs page faults."""
GRACE_SECONDS = 60.0


class Training:
    """A `compa fit` in its own process; what it says goes to a log file.

    Args:
        name: What its progress bar says.
        config: The configuration to fit.
        folder: The run folder; the log stands beside it.
        num_threads: CPU threads of the process.
    """

    def __init__(self, name: str, config: Path, folder: Path, num_threads: int) -> None:
        self.name = name
        self.folder = folder
        self.log = folder.with_suffix(".log")
        command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(config), "--out", str(folder)]
        command += ["--trainer.enable_progress_bar=false"]
        with self.log.open("w") as log:
            self.process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=os.environ | REUSE_MEMORY | {"OMP_NUM_THREADS": str(num_threads)},
                start_new_session=True,  # Ctrl-C comes through us, once
            )

    def step(self) -> int:
        """The last optimiser step in the run folder's log of metrics."""
        metrics = self.folder / "metrics.csv"
        if not metrics.is_file():
            return 0
        header, *rows = metrics.read_text(encoding="utf-8").splitlines() or [""]
        column = header.split(",").index("step") if "step" in header.split(",") else -1
        steps = [row.split(",")[column] for row in rows[-3:] if row.count(",") == header.count(",")]
        return max((int(step) + 1 for step in steps if step.isdigit()), default=0)

    def stop(self) -> None:
        """Asks the training to keep what it has, and ends it where it takes too long."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def watch(trainings: Sequence[Training], max_steps: int) -> None:
    """Shows a progress bar each until all trainings have ended.

    Raises:
        ValueError: If one fails; the others are stopped.
    """
    bars = [
        tqdm(total=max_steps, desc=training.name, unit="step", position=row, disable=None)
        for row, training in enumerate(trainings)
    ]
    try:
        while any(training.process.poll() is None for training in trainings):
            for bar, training in zip(bars, trainings, strict=True):
                bar.update(training.step() - bar.n)
                if training.process.poll():
                    last_words = training.log.read_text(encoding="utf-8").strip().splitlines() or ["no reason given"]
                    raise ValueError(f"training {training.name} failed: {last_words[-1]} (see {training.log})")
            time.sleep(0.5)
        for bar in bars:
            bar.update(max_steps - bar.n)
    finally:
        for training in trainings:
            training.stop()
        for bar in bars:
            bar.close()
