"""The run folder: configuration, metrics, checkpoints and model of a training, whether finished or interrupted."""

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

from compa.scenes import holdout
from compa.training.finite import FiniteWatch
from compa.training.randomness import StepRandomness
from compa.training.stopping import StopBetweenSteps, Stopped
from compa.training.task import BaseTask
from compa.utils.files import whole_file

CONFIG = "config.yaml"
METRICS = "metrics.csv"
LAST_CHECKPOINT = Path("checkpoints", "last.ckpt")
BEST_CHECKPOINT = Path("checkpoints", "best.ckpt")
MODEL = "model.*"
"""Files that `BaseTask.export` writes."""
MARKS = (CONFIG, METRICS, holdout.FILE_NAME)
"""A folder that holds one of these was made by a training."""
CHECKPOINT_STEPS = 500


def check(folder: Path, overwrite: bool = False, marks: Sequence[str] = MARKS) -> None:
    """Makes sure that a run may be written into a folder.

    Args:
        folder: The run folder, which need not exist.
        overwrite: Whether a run that is already there may be deleted.
        marks: Names of files, one of which shows that the folder holds a run.

    Raises:
        ValueError: If the folder holds a run that may not be deleted, or anything that is not a run.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file: give a folder for the run")
    if folder.is_dir() and any(folder.iterdir()):
        if not any((folder / mark).exists() for mark in marks):
            raise ValueError(f"{folder} holds files that are not a run of compa: choose another --out")
        if not overwrite:
            raise ValueError(f"{folder} already holds a run: choose another --out, or delete it with --overwrite")


def prepare(folder: Path, overwrite: bool = False, marks: Sequence[str] = MARKS) -> None:
    """Makes an empty run folder; raises as `check` does."""
    check(folder, overwrite, marks)
    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)


class RunFolder(Callback):
    """Writes the run folder: what is held out at the start, the model at the end or after a stop.

    Args:
        folder: The run folder.
        best_by: The validation metric that chooses the model; None is the last model.
    """

    def __init__(self, folder: Path, best_by: str | None = None) -> None:
        self.folder = folder
        self.best_by = best_by
        self._has_trained = False
        self.earlier_metrics = _read_metrics(folder / METRICS)  # read now, since the logger starts a new file

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Writes what is held out of this training."""
        data = trainer.datamodule  # type: ignore[attr-defined]
        if trainer.is_global_zero and hasattr(data, "held_out"):
            data.held_out().write(self.folder)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restores the metrics of a resumed run up to its checkpoint; later ones are measured again."""
        self._has_trained = True
        if self.best_by and not sum(trainer.num_val_batches):
            raise ValueError(f"best_by {self.best_by} needs a validation, but the data has none: leave it out")
        if trainer.is_global_zero:  # until training ends, the last checkpoint is the run's model
            for path in self.folder.glob(MODEL):
                path.unlink()
        if trainer.global_step and trainer.is_global_zero:
            print(f"{self.folder} goes on after step {trainer.global_step}", file=sys.stderr)
        self._restore_metrics(trainer)

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks that the validation measures what chooses the model."""
        if self.best_by and self.best_by not in trainer.callback_metrics:
            found = ", ".join(sorted(name for name in trainer.callback_metrics if name.startswith("val/")))
            raise ValueError(f"best_by must be one of {found}; got {self.best_by!r}")

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves the last checkpoint; on every rank, since sharded strategies need them all."""
        trainer.save_checkpoint(self.folder / LAST_CHECKPOINT, weights_only=False)  # with the optimizer

    def on_fit_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Exports the model of the last checkpoint, or of the best."""
        if not trainer.is_global_zero:
            return
        if not self._has_trained:
            print(
                f"{self.folder} has had all of its {trainer.max_steps} steps: set trainer.max_steps higher to go on",
                file=sys.stderr,
            )
            self._restore_metrics(trainer)
        best = self.folder / BEST_CHECKPOINT
        if self.best_by and not best.is_file():
            print(f"{self.folder} has no validation with {self.best_by} yet: its model is the last", file=sys.stderr)
        chosen = best if self.best_by and best.is_file() else self.folder / LAST_CHECKPOINT
        assert isinstance(pl_module, BaseTask)
        pl_module.export(self.folder, _read_checkpoint(chosen))

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Saves an interrupted training, if it was stopped where it can be resumed."""
        if isinstance(exception, Stopped):
            trainer.save_checkpoint(self.folder / LAST_CHECKPOINT, weights_only=False)  # with the optimizer

    def _restore_metrics(self, trainer: pl.Trainer) -> None:
        kept = [row for row in self.earlier_metrics if int(row["step"]) < trainer.global_step]
        if kept and trainer.is_global_zero:
            logger = next(logger for logger in trainer.loggers if isinstance(logger, CSVLogger))
            logger.experiment.metrics[:0] = kept
            logger.save()


class BestCheckpoint(ModelCheckpoint):
    """Keeps the weights of the best validation.

    The last checkpoint before a kill was saved before the validation of the same step and does not contain its score;
    the file of metrics does.

    Args:
        metrics: The rows of the run so far.
        monitor: The metric that decides.
        options: Those of Lightning's class.
    """

    def __init__(self, metrics: Sequence[Mapping[str, str]], monitor: str, **options: Any) -> None:
        super().__init__(monitor=monitor, **options)
        self._scores = {int(row["step"]) + 1: float(row[monitor]) for row in metrics if monitor in row}

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restores the score of a validation at the step where the run goes on, if it was the best."""
        super().on_train_start(trainer, pl_module)
        path = Path(self.format_checkpoint_name({}))
        if trainer.global_step not in self._scores or not path.is_file():
            return
        score = torch.tensor(self._scores[trainer.global_step])
        is_of_this_step = _read_checkpoint(path)["global_step"] == trainer.global_step
        if is_of_this_step and self.check_monitor_top_k(trainer, score):
            self.best_k_models = {str(path): score}
            self.best_model_path = self.kth_best_model_path = str(path)
            self.best_model_score = self.kth_value = score


class WholeCheckpoints(TorchCheckpointIO):
    """Writes checkpoints beside their final names and renames them when complete, so that a kill leaves the old one."""

    def save_checkpoint(self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any = None) -> None:
        """Saves; Lightning itself copies where the system's temporary folder is on another disk."""
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
    """The callbacks of every training: run folder, repeatable steps, watch for NaN, stops and checkpoints.

    Their order matters. At the end of training, the last checkpoint is saved before the averaged weights replace the
    others, so that it can be resumed; at the end of a step, the average is updated before a stop saves a checkpoint.

    Args:
        folder: The run folder.
        configured: Callbacks of the configuration.
        checkpoint_steps: Optimizer steps from one checkpoint to the next.
        ema_decay: Fraction of the averaged weights that each step keeps; None averages nothing.
        best_by: The validation metric that chooses the model; None is the last model.

    Raises:
        ValueError: If an option has an impossible value.
    """
    if checkpoint_steps < 1:
        raise ValueError(f"checkpoint_steps must be at least 1; got {checkpoint_steps}")
    if ema_decay is not None and not 0 < ema_decay < 1:
        raise ValueError(f"ema_decay must lie between 0 and 1, such as 0.999; got {ema_decay}")
    if best_by is not None and not best_by.startswith("val/"):
        raise ValueError(f"best_by must be a validation metric, such as val/loss; got {best_by!r}")
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


def csv_logger(folder: Path) -> CSVLogger:
    """A logger that writes `metrics.csv` in the run folder, beside any other loggers."""
    return CSVLogger(save_dir=folder, name="", version="", flush_logs_every_n_steps=10)


def _read_checkpoint(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    return content


def _read_metrics(path: Path) -> list[dict[str, str]]:
    """The rows of an earlier run, without one that was cut off at the end."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = [{name: value for name, value in row.items() if value} for row in csv.DictReader(file)]
    return [row for row in rows if row.get("step", "").isdigit()]
