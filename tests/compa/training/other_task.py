"""A second task and its data, which know neither CLAP nor captions: `compa fit` must train them as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from compa.data.loader import TrainingLoader
from compa.training.task import BaseTask

SIZE = 6


class Autoencoder(BaseTask):
    """Learns to reproduce vectors through a narrow layer.

    Args:
        width: Of the narrow layer.
        learning_rate: Of AdamW.
        warmup_steps: Of the schedule.
        freeze: Patterns of names of weights that are not trained.
    """

    def __init__(
        self, width: int = 2, learning_rate: float = 1e-2, warmup_steps: int = 2, freeze: tuple[str, ...] = ()
    ) -> None:
        super().__init__(learning_rate, warmup_steps=warmup_steps)
        self.layers = nn.Sequential(nn.Linear(SIZE, width), nn.Dropout(0.1), nn.Linear(width, SIZE))
        self.freeze_weights(self.layers, freeze)

    def training_step(self, batch: Tensor, batch_index: int) -> Tensor:
        loss = nn.functional.mse_loss(self.layers(batch), batch)
        self.log("train/loss", loss)
        return loss

    def validation_step(self, batch: Tensor, batch_index: int) -> None:
        self.log("val/loss", nn.functional.mse_loss(self.layers(batch), batch))

    def export(self, folder: Path, checkpoint: dict[str, Any]) -> None:
        save_file(checkpoint["state_dict"], folder / "model.safetensors")


class Vectors(Dataset[Tensor]):
    """Batches of random vectors by number.

    Args:
        spoilt: Number of a batch that has an infinite value.
    """

    def __init__(self, spoilt: int | None = None) -> None:
        self.spoilt = spoilt

    def __len__(self) -> int:
        return 5

    def __getitem__(self, number: int) -> Tensor:
        batch = torch.randn(4, SIZE, generator=torch.Generator().manual_seed(number))
        return batch * torch.inf if number == self.spoilt else batch


class VectorData(pl.LightningDataModule):
    """Those batches, resumable.

    Args:
        spoilt: Number of a batch that has an infinite value.
    """

    def __init__(self, spoilt: int | None = None) -> None:
        super().__init__()
        self.spoilt = spoilt

    def train_dataloader(self) -> TrainingLoader:
        return TrainingLoader(Vectors(self.spoilt), 5, trainer=self.trainer)  # type: ignore[arg-type]

    def val_dataloader(self) -> DataLoader[Tensor]:
        return DataLoader(Vectors(), batch_size=None)
