"""Trainings in processes of their own, side by side, each with a progress bar."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

REUSE_MEMORY = {
    "MALLOC_MMAP_MAX_": "0",
    "MALLOC_TRIM_THRESHOLD_": "8000000000",
    "MALLOC_TOP_PAD_": "67108864",
}
"""Tells glibc to keep freed memory: handing each step's activations back to the kernel costs page faults."""
GRACE_SECONDS = 60.0
POLL_SECONDS = 0.5


class Training:
    """A `compa fit` in its own process, once it is started; what it says goes to a log file.

    Args:
        name: What its progress bar says.
        config: The configuration to fit.
        folder: The run folder; the log stands beside it.
        num_threads: CPU threads of the process.
        resume: Whether to go on with what the run folder holds.
    """

    def __init__(self, name: str, config: Path, folder: Path, num_threads: int, resume: bool = False) -> None:
        self.name = name
        self.folder = folder
        self.log = folder.with_name(folder.name + ".log")
        self._command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(config), "--out", str(folder)]
        self._command += ["--trainer.enable_progress_bar=false", f"--resume={str(resume).lower()}"]
        self._num_threads = num_threads
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process."""
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                self._command,
                stdout=log,
                stderr=log,
                env=os.environ | REUSE_MEMORY | {"OMP_NUM_THREADS": str(self._num_threads)},
                start_new_session=True,  # Ctrl-C comes through us, once
            )

    def has_ended(self) -> bool:
        """Whether the process has done its work.

        Raises:
            ValueError: If it failed.
        """
        if self._process is None or self._process.poll() is None:
            return False
        if self._process.returncode:
            last_words = self.log.read_text(encoding="utf-8").strip().splitlines() or ["no reason given"]
            raise ValueError(f"training {self.name} failed: {last_words[-1]} (see {self.log})")
        return True

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
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def train(trainings: Sequence[Training], max_steps: int, at_once: int) -> None:
    """Runs trainings, some at once, with a progress bar for each that is running.

    Raises:
        ValueError: If one fails; the others are stopped.
        KeyboardInterrupt: On Ctrl-C or SIGTERM; all are stopped where they can go on from.
    """
    waiting = list(trainings)[::-1]
    running: dict[int, tuple[Training, tqdm[NoReturn]]] = {}
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        while waiting or running:
            for place in range(at_once):
                if place not in running and waiting:
                    running[place] = _started(waiting.pop(), max_steps, place)
            for place, (training, bar) in list(running.items()):
                done = training.has_ended()
                bar.update((max_steps if done else training.step()) - bar.n)
                if done:
                    bar.close()
                    del running[place]
            time.sleep(POLL_SECONDS)
    finally:
        for training, bar in running.values():
            training.stop()
            bar.close()
        signal.signal(signal.SIGTERM, before)


def _started(training: Training, max_steps: int, place: int) -> tuple[Training, tqdm[NoReturn]]:
    training.start()
    return training, tqdm(total=max_steps, desc=training.name, unit="step", position=place, leave=None, disable=None)
