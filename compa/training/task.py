"""`BaseTask`: what `compa fit` needs of a training, independent of what is trained."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Self

import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRScheduler
from torch import nn

from compa.audio.features import AudioConfig
from compa.training.parameters import freeze_weights, parameter_groups
from compa.training.schedule import warmup_cosine


class BaseTask(pl.LightningModule, ABC):
    """A LightningModule with one optimizer, whose run folder, checkpoints and resuming `compa fit` takes care of.

    A task derives from this class, passes the options below to its constructor, and implements `training_step` and
    `export`. Its module is then named in a recipe: `model: {class_path: my_package.MyTask, init_args: ...}`.

    Args:
        learning_rate: Peak of AdamW's learning rate.
        weight_decay: Of matrices; vectors (biases, norms, scalars) have none.
        warmup_steps: Optimizer steps of linear warm-up; a cosine then falls to 0 at the trainer's `max_steps`.
        layer_decay: Factor of the learning rate from each layer to the one below; 1 makes no difference.

    Attributes:
        towers: Parts of weights' names whose layers `layer_decay` counts separately; by default the whole model.
    """

    towers: ClassVar[Sequence[str]] = ("",)

    def __init__(
        self,
        learning_rate: float = 1e-3,
        weight_decay: float = 0.05,
        warmup_steps: int = 100,
        layer_decay: float = 1.0,
    ) -> None:
        super().__init__()
        self.learning_rate = learning_rate
        self.weight_decay = weight_decay
        self.warmup_steps = warmup_steps
        self.layer_decay = layer_decay
        self._frozen: list[nn.Module] = []

    @abstractmethod
    def export(self, folder: Path, checkpoint: dict[str, Any]) -> None:
        """Writes the trained model of one of this task's checkpoints into the run folder.

        Args:
            folder: The run folder. All files must be named `model.*`: they are deleted when the run is trained further.
            checkpoint: As Lightning wrote it, with `state_dict` and what `on_save_checkpoint` added; on the CPU. This
                is not the task's present state where averaged weights or the best validation are chosen.
        """

    def describe(self, batch: Any) -> dict[str, Any]:
        """Describes a batch for a person who looks for the cause of a loss that is not finite, as JSON values."""
        return {"type": type(batch).__name__}

    @property
    def log_mel_config(self) -> AudioConfig | None:
        """The log-mel features that the model reads, if batches may bring them in place of waveforms."""
        return None

    def freeze_weights(self, model: nn.Module, patterns: Sequence[str]) -> None:
        """Keeps weights of a part of this task from being trained; to be called at the end of a constructor.

        Args:
            model: The part.
            patterns: Of names within the part, such as `text_encoder.*`; `*` is any text. Modules that are frozen
                completely stay in `eval` mode, without dropout.

        Raises:
            ValueError: If a pattern matches no weight.
        """
        self._frozen = freeze_weights(model, patterns)
        self.train()

    def train(self, mode: bool = True) -> Self:
        """Switches between training and evaluation; frozen modules always stay in `eval` mode."""
        super().train(mode)
        for module in self._frozen:
            module.eval()
        return self

    def configure_optimizers(self) -> OptimizerLRScheduler:
        """AdamW with linear warm-up and cosine decay over the trainer's `max_steps`.

        Raises:
            ValueError: If `max_steps` is not set.
        """
        if self.trainer.max_steps < 1:
            raise ValueError("trainer.max_steps is not set: the learning rate follows the number of optimizer steps")
        groups = parameter_groups(self, self.learning_rate, self.weight_decay, self.layer_decay, self.towers)
        optimizer = torch.optim.AdamW(groups, lr=self.learning_rate, betas=(0.9, 0.98))
        schedule = warmup_cosine(self.warmup_steps, self.trainer.max_steps)
        scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, schedule)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": scheduler, "interval": "step"}}
