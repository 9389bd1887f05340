"""The run folder: what a training leaves behind, whole or interrupted."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, ModelCheckpoint, WeightAveraging
from pytorch_lightning.loggers import CSVLogger
from pytorch_lightning.plugins.io import TorchCheckpointIO
from torch.optim.swa_utils import get_ema_multi_avg_fn

from compa.models import pretrained
from compa.scenes import holdout
from compa.training.finite import FiniteWatch
from compa.training.randomness import StepRandomness
from compa.training.stopping import StopBetweenSteps, Stopped
from compa.utils.files import whole_file

METRICS = "metrics.csv"
LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")
BEST_CHECKPOINT = Path("checkpoints", "best.ckpt")
CHECKPOINT_STEPS = 500


def check(folder: Path, overwrite: bool = False) -> None:
    """Makes sure that a run may go into a folder.

    Args:
        folder: Where the run would go.
        overwrite: Whether a run that is there already may be deleted.

    Raises:
        ValueError: If a run is there and may not be deleted, or something that is no run of ours is.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give a folder for the run")
    if folder.is_dir() and any(folder.iterdir()):
        if not is_run(folder):
            raise ValueError(f"{folder} holds files that are no run of compa: choose another --out")
        if not overwrite:
            raise ValueError(f"{folder} already holds a run: choose another --out, or delete it with --overwrite")


def prepare(folder: Path, overwrite: bool = False) -> None:
    """Makes an empty run folder; raises as `check` does."""
    check(folder, overwrite)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


def is_run(folder: Path) -> bool:
    """Whether a folder was made by a training or a demo."""
    marks = (METRICS, holdout.FILE_NAME, pretrained.WEIGHTS, "config.yaml", "vanilla.yaml")
    return any((folder / mark).exists() for mark in marks)


class RunFolder(Callback):
    """Fills the run folder: what is held out at the start, the model at the end or where training was stopped.

    Args:
        folder: The run folder.
        best_by: The validation's metric that chooses the model; None is the last model.
    """

    def __init__(self, folder: Path, best_by: str | None = None) -> None:
        self.folder = folder
        self.best_by = best_by
        self._has_trained = False
        self.earlier_metrics = _read_metrics(folder / METRICS)  # now, since the logger starts its file anew

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes down what this training never sees."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.is_global_zero and hasattr(data, "held_out"):
            data.held_out().write(self.folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Says where a resumed run goes on, and puts its steps' metrics back; those after its checkpoint come again."""
        self._has_trained = True
        if self.best_by and not sum(trainer.num_val_batches):
            raise ValueError(f"best_by {self.best_by} needs a validation, but the data has none: leave it out")
        if trainer.is_global_zero:  # should it be killed, its last checkpoint is the run's model
            (self.folder / pretrained.WEIGHTS).unlink(missing_ok=True)
        if trainer.global_step and trainer.is_global_zero:
            print(f"{self.folder} goes on after step {trainer.global_step}", file=sys.stderr)
        self._put_metrics_back(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Makes sure that there is something to choose by."""
        if self.best_by and self.best_by not in trainer.callback_metrics:
            found = ", ".join(sorted(name for name in trainer.callback_metrics if name.startswith("val/")))
            raise ValueError(f"best_by {self.best_by} is not measured by this validation: take one of {found}")

    def _put_metrics_back(self, trainer: pl.Trainer) -> None:
        kept = [row for row in self.earlier_metrics if int(row["step"]) < trainer.global_step]
        if kept and trainer.is_global_zero:
            logger = next(logger for logger in trainer.loggers if isinstance(logger, CSVLogger))
            logger.experiment.metrics[:0] = kept
            logger.save()

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves the last checkpoint; on every rank, since sharded strategies need them all."""
        trainer.save_checkpoint(self.folder / LAST_CHECKPOINT, weights_only=False)  # the optimiser, too

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves the model so that `compa.load(folder)` finds it: that of a checkpoint, be it the last or the best."""
        if not trainer.is_global_zero:
            return
        if not self._has_trained:
            told = f"{self.folder} has had all of its {trainer.max_steps} steps: set trainer.max_steps higher to go on"
            print(told, file=sys.stderr)
            self._put_metrics_back(trainer)
        best = self.folder / BEST_CHECKPOINT
        if self.best_by and not best.is_file():
            told = f"{self.folder} has no validation with {self.best_by} yet, so that its model is the last"
            print(told, file=sys.stderr)
        chosen = best if self.best_by and best.is_file() else self.folder / LAST_CHECKPOINT
        pretrained.save(pretrained.load(chosen, "cpu").clap, self.folder)

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Keeps what an interrupted training has learnt, if it was stopped where it can be resumed."""
        if isinstance(exception, Stopped):
            trainer.save_checkpoint(self.folder / LAST_CHECKPOINT, weights_only=False)  # the optimiser, too


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the best validation.

    The checkpoint that a killed run goes on from was taken before the validation of the same step, and knows nothing of
    it; the metrics do.

    Args:
        metrics: The rows of the run so far.
        monitor: The metric that decides.
        options: Those of Lightning's class.
    """

    def __init__(self, metrics: Sequence[Mapping[str, str]], monitor: str, **options: Any) -> None:
        super().__init__(monitor=monitor, **options)
        self._scores = {int(row["step"]) + 1: float(row[monitor]) for row in metrics if monitor in row}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remembers the validation at the step where the run goes on, if it was the best."""
        super().on_train_start(trainer, pl_module)
        path = self.format_checkpoint_name({})
        if trainer.global_step not in self._scores or trainer.global_step != _step_of(Path(path)):
            return
        score = torch.tensor(self._scores[trainer.global_step])
        if self.check_monitor_top_k(trainer, score):
            self.best_k_models = {path: score}
            self.best_model_path = self.kth_best_model_path = path
            self.best_model_score = self.kth_value = score


class WholeCheckpoints(TorchCheckpointIO):
    """Checkpoints that take their name when they are complete, so that a kill leaves the one before."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Saves beside, then renames; Lightning copies where the system's temporary folder is on another disk."""
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            torch.save(checkpoint, file)


def callbacks(
    folder: Path,
    configured: Sequence[Callback] = (),
    checkpoint_steps: int = CHECKPOINT_STEPS,
    ema_decay: float | None = None,
    best_by: str | None = None,
) -> list[Callback]:
    """What every training has: stops that keep all, steps that repeat, a watch, the run folder, checkpoints.

    Their order matters. At the end of training, the last checkpoint is saved before the average takes the place of the
    weights, so that it can be resumed; at the end of a step, the average is updated before a stop saves a checkpoint.

    Args:
        folder: The run folder.
        configured: The user's own.
        checkpoint_steps: Optimiser steps from one checkpoint to the next.
        ema_decay: Share of the average of weights that each step leaves as it was; None averages nothing.
        best_by: The validation's metric that chooses the model; None is the last model.

    Raises:
        ValueError: If one of these is of no use.
    """
    if checkpoint_steps < 1:
        raise ValueError(f"checkpoint_steps {checkpoint_steps} leaves nothing to resume from: take 1 or more")
    if ema_decay is not None and not 0 < ema_decay < 1:
        raise ValueError(f"ema_decay {ema_decay} averages nothing: take a number between 0 and 1, such as 0.999")
    if best_by is not None and not best_by.startswith("val/"):
        raise ValueError(f"best_by {best_by} is none of the validation's metrics, such as val/loss or val/order-group")
    place: dict[str, Any] = {
        "dirpath": folder / LAST_CHECKPOINT.parent,
        "enable_version_counter": False,
    }  # one file, replaced
    found: list[Callback] = [RunFolder(folder, best_by), StepRandomness(), FiniteWatch(folder), *configured]
    if ema_decay is not None:
        average = get_ema_multi_avg_fn(ema_decay)  # type: ignore[no-untyped-call]
        found.append(WeightAveraging(use_buffers=False, multi_avg_fn=average))
    found += [
        StopBetweenSteps(),
        ModelCheckpoint(filename=LAST_CHECKPOINT.stem, every_n_train_steps=checkpoint_steps, **place),
    ]
    if best_by is not None:
        found.append(
            BestCheckpoint(
                _read_metrics(folder / METRICS),
                filename=BEST_CHECKPOINT.stem,
                monitor=best_by,
                mode="min" if best_by.endswith("loss") else "max",
                save_weights_only=True,
                save_on_train_epoch_end=False,  # but after each validation
                **place,
            )
        )
    return found


def _step_of(checkpoint: Path) -> int | None:
    if not checkpoint.is_file():
        return None
    return int(torch.load(checkpoint, map_location="cpu", mmap=True, weights_only=True)["global_step"])


def _read_metrics(path: Path) -> list[dict[str, str]]:
    """The rows of an earlier run, without what was torn at the end."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    return [row for row in rows if row.get("step", "").isdigit()]


def csv_logger(folder: Path) -> CSVLogger:
    """Metrics go to `metrics.csv` in the run folder, whatever other loggers there are."""
    return CSVLogger(save_dir=folder, name="", version="", flush_logs_every_n_steps=10)
