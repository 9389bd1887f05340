"""Stops the training before a loss or gradient that is not finite gets into the weights."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from compa.training.task import BaseTask

FOLDER = "nonfinite"


class FiniteWatch(Callback):
    """Stops at the first loss or gradient that is NaN or infinite, and saves what led to it.

    Every rank writes its batch, `nonfinite/batch-<rank>.json` (the task's description and what is wrong) and `.pt`
    (tensors); rank 0 writes `nonfinite/state.pt`, weights and optimizer before the step, in the format of a checkpoint.
    No checkpoint is written, so the last one is good. All ranks decide together whether to stop.

    A batch that the training step itself refuses with a ValueError, as objectives do, is saved, too.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self._batch: Any = None
        """The batch of the present training step; None between steps."""
        self._is_saved = False
        self._loss = torch.zeros(())
        self._suspect: tuple[Any, float] | None = None
        """The first of the accumulated batches with a wrong loss, and that loss."""

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Remembers the batch."""
        self._batch = batch

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Remembers the loss; reading its value here would make a GPU wait."""
        self._loss = loss.detach()

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Checks the loss of each accumulated batch."""
        if self._suspect is None and not bool(torch.isfinite(self._loss)):
            self._suspect = self._batch, float(self._loss)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Stops all ranks if one of them has found something.

        Raises:
            ValueError: If a loss or gradient is not finite.
        """
        is_scaled = getattr(trainer.precision_plugin, "scaler", None) is not None  # float16 skips such steps itself
        gradients = [weight.grad for weight in pl_module.parameters() if weight.grad is not None]
        is_wrong = self._suspect is not None or not (
            is_scaled or bool(torch.isfinite(torch.nn.utils.get_total_norm(gradients)))
        )
        if trainer.strategy.reduce_boolean_decision(is_wrong, all=False):
            batch, loss = self._suspect or (self._batch, 0.0)
            problem = f"the loss is {loss:g}" if self._suspect else _wrong_gradient(pl_module)
            self._save(trainer, pl_module, batch, problem)
            raise ValueError(
                f"training stopped in step {trainer.global_step + 1}, since {problem}: its batch and weights are in "
                f"{self.folder}, and the last checkpoint is kept; try a lower learning rate, more warm-up steps or "
                "gradient clipping"
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        """Releases the batch."""
        self._batch = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Saves the batch that a training step refused."""
        if isinstance(exception, ValueError) and self._batch is not None and not self._is_saved:
            self._save(trainer, pl_module, self._batch, str(exception))
            exception.args = (f"{exception} (step {trainer.global_step + 1}, its batch is in {self.folder})",)

    def _save(self, trainer: pl.Trainer, task: pl.LightningModule, batch: Any, problem: str) -> None:
        """Writes files without communicating with the other ranks: one of them may be elsewhere."""
        assert isinstance(task, BaseTask)
        self._is_saved = True
        self.folder.mkdir(parents=True, exist_ok=True)
        torch.save(_tensors(batch), self.folder / f"batch-{trainer.global_rank}.pt")
        about = {"step": trainer.global_step + 1, "problem": problem, **task.describe(batch)}
        text = json.dumps(about, indent=1, ensure_ascii=False)
        (self.folder / f"batch-{trainer.global_rank}.json").write_text(text + "\n", encoding="utf-8")
        if trainer.is_global_zero:
            state: dict[str, Any] = {
                "state_dict": task.state_dict(),
                "optimizer_states": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "global_step": trainer.global_step,
            }
            task.on_save_checkpoint(state)
            torch.save(state, self.folder / "state.pt")


def _tensors(batch: Any) -> dict[str, Tensor]:
    """The tensors of a batch that is a dataclass, a mapping, a sequence, or a tensor itself."""
    if dataclasses.is_dataclass(batch) and not isinstance(batch, type):
        parts = {field.name: getattr(batch, field.name) for field in dataclasses.fields(batch)}
    elif isinstance(batch, Mapping):
        parts = {str(name): value for name, value in batch.items()}
    else:
        parts = {str(number): value for number, value in enumerate([batch] if isinstance(batch, Tensor) else batch)}
    return {name: value for name, value in parts.items() if isinstance(value, Tensor)}


def _wrong_gradient(module: pl.LightningModule) -> str:
    for name, weight in module.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            return f"the gradient of {name} is not finite"
    return "the loss of another rank, or the gradients' length, is not finite"
