"""Ctrl-C, SIGTERM and Slurm's warning stop a training where it can go on from: between two optimiser steps."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from types import FrameType
from typing import Any

import pytorch_lightning as pl
from lightning_fabric.plugins.environments.slurm import SLURMEnvironment
from pytorch_lightning.callbacks import Callback

NOTICE = b"\ncompa: stopping after this optimiser step; once more stops at once, with the last checkpoint\n"


class Stopped(KeyboardInterrupt):
    """Raised on all ranks in the same place between two optimiser steps, so that a checkpoint made now is exact."""


class StopBetweenSteps(Callback):
    """Raises `Stopped` at the end of the optimiser step in which any rank was asked to stop.

    Some accumulated gradients, or a part of an update, are nothing that a checkpoint could hold. A second signal ends
    the training where it is.

    Under Slurm the signal that a job asked for before its time is over (`sbatch --signal=USR1@120`) stops likewise, and
    then the job is put back into the queue; with `--resume true` it goes on there. Lightning's own way would save in
    the middle of a step, and into the working folder, where other trainings find it.
    """

    def __init__(self) -> None:
        self._is_asked = False
        self._is_to_requeue = False
        self._is_between_steps = False
        self._step_at_start = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes over both signals, unless they are ignored; Lightning gives them back when it ends."""
        self._is_asked = trainer.received_sigterm
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._ask)
        environment = trainer._accelerator_connector.cluster_environment  # strategies of one device do not tell
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue and environment.requeue_signal:
            signal.signal(environment.requeue_signal, self._ask_to_requeue)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Notes that a step has begun, or goes on."""
        self._step_at_start = trainer.global_step
        self._is_between_steps = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops if that is wanted and the step is complete."""
        self._is_between_steps = trainer.global_step > self._step_at_start
        if self._is_between_steps and trainer.strategy.reduce_boolean_decision(self._is_asked, all=False):
            self._is_to_requeue = trainer.strategy.reduce_boolean_decision(self._is_to_requeue, all=False)
            raise Stopped

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Puts the job back into the queue, when it was stopped for that, and others have saved what was learnt."""
        if isinstance(exception, Stopped) and self._is_to_requeue and trainer.is_global_zero:
            done = subprocess.run(["scontrol", "requeue", _job()], check=False)
            if done.returncode:
                print(f"scontrol requeue {_job()} failed: put the job back yourself", file=sys.stderr)

    def _ask_to_requeue(self, number: int, frame: FrameType | None) -> None:
        if not self._is_asked:
            self._is_to_requeue = True
            self._ask(number, frame)

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if self._is_asked:
            raise KeyboardInterrupt
        self._is_asked = True
        os.write(2, NOTICE)  # print() cannot be called while it is being called


def _job() -> str:
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
