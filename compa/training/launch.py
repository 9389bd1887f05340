"""Small trainings that are compared with each other: their configurations, and processes side by side."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

VALIDATIONS = 10
GRACE_SECONDS = 60.0
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Variant:
    """The differences of a training from those that it is compared with.

    Attributes:
        objective: Class name of the objective.
        data: Arguments of `SceneData`.
        model: Arguments of `ContrastiveTask`.
        contrast: Arguments of the objective.
    """

    objective: str
    data: Mapping[str, Any]
    model: Mapping[str, Any] = field(default_factory=dict)
    contrast: Mapping[str, Any] = field(default_factory=dict)


def recipe(variant: Variant, events: str | None, max_steps: int, seed: int) -> dict[str, Any]:
    """Builds the configuration of a training for `compa fit --config`.

    Args:
        variant: Its differences from others.
        events: The event bank; None is the built-in synthesizer.
        max_steps: Optimizer steps.
        seed: Of the weights, the scenes and everything else.
    """
    scenes = {"events": events, "num_batches": max_steps, "seed": seed, **variant.data}
    objective: dict[str, Any] = {"class_path": variant.objective}
    if variant.contrast:
        objective["init_args"] = dict(variant.contrast)
    return {
        "seed_everything": seed,
        "model": {"class_path": "ContrastiveTask", "init_args": {"objective": objective, **variant.model}},
        "data": {"class_path": "SceneData", "init_args": scenes},
        "trainer": {
            "max_steps": max_steps,
            "val_check_interval": max(max_steps // VALIDATIONS, 1),
            "gradient_clip_val": 1.0,
            "num_sanity_val_steps": 0,
            "enable_model_summary": False,
        },
    }


class Training:
    """A `compa fit` in a process of its own; its output goes to a log file.

    Args:
        out: The folder that holds configuration `NAME.yaml`, log `NAME.log` and run folder `NAME`.
        name: Of the training.
        content: The configuration, which is written at once.
        num_threads: CPU threads of the process.
        resume: Whether to continue a run that the run folder already holds.
    """

    def __init__(
        self, out: Path, name: str, content: Mapping[str, Any], num_threads: int, resume: bool = False
    ) -> None:
        import yaml

        self.name = name
        self.folder = out / name
        self.log = out / f"{name}.log"
        self._config = out / f"{name}.yaml"
        self._config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
        self._resume = resume
        self._num_threads = num_threads
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts the process."""
        command = [sys.executable, "-m", "compa.cli", "fit", "--config", str(self._config), "--out", str(self.folder)]
        command += ["--trainer.enable_progress_bar=false", f"--resume={str(self._resume).lower()}"]
        with self.log.open("w") as log:
            self._process = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                env=os.environ | {"OMP_NUM_THREADS": str(self._num_threads)},
                start_new_session=True,  # Ctrl-C reaches the process through `stop`, once
            )

    def has_ended(self) -> bool:
        """Whether the process has finished.

        Raises:
            ValueError: If it failed.
        """
        if self._process is None or self._process.poll() is None:
            return False
        if self._process.returncode:
            lines = self.log.read_text(encoding="utf-8").strip().splitlines() or ["no reason given"]
            raise ValueError(f"training {self.name} failed: {lines[-1]} (see {self.log})")
        return True

    def step(self) -> int:
        """The last optimizer step in the run folder's log of metrics."""
        metrics = self.folder / "metrics.csv"
        if not metrics.is_file():
            return 0
        header, *rows = metrics.read_text(encoding="utf-8").splitlines() or [""]
        column = header.split(",").index("step") if "step" in header.split(",") else -1
        steps = [row.split(",")[column] for row in rows[-3:] if row.count(",") == header.count(",")]
        return max((int(step) + 1 for step in steps if step.isdigit()), default=0)

    def stop(self) -> None:
        """Asks the process to save its state and end, and kills it if that takes too long."""
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
    """Runs trainings, some at once, each with a progress bar while it is running.

    Raises:
        ValueError: If one fails; the others are stopped.
        KeyboardInterrupt: On Ctrl-C or SIGTERM; all are stopped and can be resumed.
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
