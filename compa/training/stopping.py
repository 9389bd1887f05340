"""Stops a training on Ctrl-C, SIGTERM and Slurm's warning where it can be resumed: between two optimizer steps."""

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

STOPPING = b"\ncompa: stopping after this optimizer step; a second signal stops at once, with the last checkpoint\n"


class Stopped(KeyboardInterrupt):
    """Raised on all ranks between the same two optimizer steps, so that a checkpoint saved now is exact."""


class StopBetweenSteps(Callback):
    """Raises `Stopped` at the end of the optimizer step in which any rank received a signal.

    A checkpoint cannot hold some of the accumulated gradients, or a part of an update. A second signal ends the
    training immediately.

    Under Slurm, the signal that a job requested before its time is over (`sbatch --signal=USR1@120`) stops it likewise,
    and then the job is put back into the queue; with `--resume` it continues. Lightning's own handler would save in the
    middle of a step, and into the working folder, where other trainings find it.
    """

    def __init__(self) -> None:
        self._should_stop = False
        self._should_requeue = False
        self._is_between_steps = False
        self._step_at_start = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Handles both signals, unless they are ignored; Lightning restores the handlers when it ends."""
        self._should_stop = trainer.received_sigterm
        for number in (signal.SIGINT, signal.SIGTERM):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._request_stop)
        environment = trainer._accelerator_connector.cluster_environment  # strategies of one device do not expose it
        if isinstance(environment, SLURMEnvironment) and environment.auto_requeue and environment.requeue_signal:
            signal.signal(environment.requeue_signal, self._request_requeue)

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remembers that a step is in progress."""
        self._step_at_start = trainer.global_step
        self._is_between_steps = False

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Stops if a rank was asked to and the step is complete."""
        self._is_between_steps = trainer.global_step > self._step_at_start
        if self._is_between_steps and trainer.strategy.reduce_boolean_decision(self._should_stop, all=False):
            self._should_requeue = trainer.strategy.reduce_boolean_decision(self._should_requeue, all=False)
            raise Stopped

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Puts a job back into the queue that was stopped for that, after the checkpoint has been saved."""
        if isinstance(exception, Stopped) and self._should_requeue and trainer.is_global_zero:
            done = subprocess.run(["scontrol", "requeue", _job()], check=False)
            if done.returncode:
                print(f"scontrol requeue {_job()} failed: put the job back into the queue yourself", file=sys.stderr)

    def _request_requeue(self, number: int, frame: FrameType | None) -> None:
        if not self._should_stop:
            self._should_requeue = True
            self._request_stop(number, frame)

    def _request_stop(self, number: int, frame: FrameType | None) -> None:
        if self._should_stop:
            raise KeyboardInterrupt
        self._should_stop = True
        os.write(2, STOPPING)  # print() is not reentrant


def _job() -> str:
    array = os.environ.get("SLURM_ARRAY_JOB_ID")
    return f"{array}_{os.environ['SLURM_ARRAY_TASK_ID']}" if array else os.environ["SLURM_JOB_ID"]
