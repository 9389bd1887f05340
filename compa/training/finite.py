"""A loss or gradient that is no number stops the training before it gets into the weights."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import Tensor

from compa.data.batch import Batch

FOLDER = "nonfinite"


class FiniteWatch(Callback):
    """Stops at the first loss or gradient that is NaN or infinite, and keeps what led to it for inspection.

    Every rank writes its batch, `nonfinite/batch-<rank>.json` (ids, texts, what is wrong) and `.pt` (tensors); rank 0
    writes `nonfinite/state.pt`, the weights and the optimiser as they were before the step, which `compa.load` reads.
    No checkpoint is written, so that the last one is good. Whether to stop is decided by all ranks together.

    A batch on whose account the training step refuses to go on (objectives do, of what is not finite) is kept, too.

    Args:
        folder: The run folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder / FOLDER
        self._batch: Batch | None = None  # whose step is under way
        self._is_kept = False
        self._loss = torch.zeros(())
        self._suspect: tuple[Batch | None, float] | None = None  # the first of the accumulated ones with a wrong loss

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Batch, batch_idx: int
    ) -> None:
        """Notes the batch."""
        self._batch = batch

    def on_before_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule, loss: Tensor) -> None:
        """Notes the loss; to look at it now would make a GPU wait."""
        self._loss = loss.detach()

    def on_after_backward(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Looks at the loss of each accumulated batch."""
        if self._suspect is None and not bool(torch.isfinite(self._loss)):
            self._suspect = self._batch, float(self._loss)

    def on_before_optimizer_step(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, optimizer: torch.optim.Optimizer
    ) -> None:
        """Stops all ranks, if one of them has found something.

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
            self._keep(trainer, pl_module, batch, problem)
            raise ValueError(
                f"training stopped in step {trainer.global_step + 1}, since {problem}: its batch and weights are in "
                f"{self.folder}, and the last checkpoint is kept; try a lower learning rate, more warm-up steps or "
                "gradient clipping"
            )

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Batch, batch_idx: int
    ) -> None:
        """Lets go of the batch."""
        self._batch = None

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Keeps the batch that a training step refused."""
        if isinstance(exception, ValueError) and self._batch is not None and not self._is_kept:
            self._keep(trainer, pl_module, self._batch, str(exception))
            exception.args = (f"{exception} (step {trainer.global_step + 1}, its batch is in {self.folder})",)

    def _keep(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Batch | None, problem: str) -> None:
        """Writes files, without a word to the other ranks: one of them may be elsewhere."""
        assert batch is not None
        self._is_kept = True
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            field.name: value
            for field in dataclasses.fields(batch)
            if isinstance(value := getattr(batch, field.name), Tensor)
        }
        torch.save(tensors, self.folder / f"batch-{trainer.global_rank}.pt")
        heard = batch.waveforms if batch.features is None else batch.features
        told = {
            "step": trainer.global_step + 1,
            "problem": problem,
            "clips": [
                {"id": example.id, "caption": caption, "values_not_finite": int((~torch.isfinite(values)).sum())}
                for example, caption, values in zip(batch.examples, batch.captions, heard, strict=True)
            ],
            "extras": [
                {"text": text, "of": owner} for text, owner in zip(batch.extras, batch.owner.tolist(), strict=True)
            ],
        }
        text = json.dumps(told, indent=1, ensure_ascii=False)
        (self.folder / f"batch-{trainer.global_rank}.json").write_text(text + "\n", encoding="utf-8")
        if trainer.is_global_zero:
            state: dict[str, Any] = {
                "state_dict": module.state_dict(),
                "optimizer_states": [optimizer.state_dict() for optimizer in trainer.optimizers],
                "global_step": trainer.global_step,
            }
            module.on_save_checkpoint(state)
            torch.save(state, self.folder / "state.pt")


def _wrong_gradient(module: pl.LightningModule) -> str:
    for name, weight in module.named_parameters():
        if weight.grad is not None and not bool(torch.isfinite(weight.grad).all()):
            return f"the gradient of {name} is not finite"
    return "the loss of another rank, or the gradients' length, is not finite"
