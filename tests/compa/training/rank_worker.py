"""A training whose losses are written down: `python -m tests.compa.training.rank_worker OUT RANKS [CHUNK]`."""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset

from compa.data.batch import Batch
from compa.objectives import ModularNCE
from tests.compa.training.batches import WORDS, in_double, make_examples, make_task

STEPS = 20
NUM_CLIPS = 8


class Shares(Dataset[Batch]):
    """A rank's share of batches of 8 clips, by number."""

    def __init__(self, rank: int, num_ranks: int) -> None:
        self.share = slice(NUM_CLIPS * rank // num_ranks, NUM_CLIPS * (rank + 1) // num_ranks)

    def __len__(self) -> int:
        return STEPS

    def __getitem__(self, number: int) -> Batch:
        return in_double(make_examples(NUM_CLIPS, np.random.default_rng(number))[self.share])


class Data(pl.LightningDataModule):
    """Those batches."""

    def train_dataloader(self) -> DataLoader[Batch]:
        assert self.trainer is not None
        return DataLoader(Shares(self.trainer.global_rank, self.trainer.world_size), batch_size=None)

    def training_texts(self) -> Iterator[str]:
        yield from WORDS


class Losses(pl.Callback):
    """Writes the losses of all ranks together."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.losses: list[float] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, *_: Any) -> None:
        self.losses.append(float(trainer.strategy.reduce(outputs["loss"].detach(), reduce_op="mean")))

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if trainer.is_global_zero:
            self.path.write_text(json.dumps(self.losses))


def train(out: Path, num_ranks: int, chunk_size: int | None) -> None:
    """Trains 20 steps in float64."""
    task = make_task(ModularNCE(), chunk_size=chunk_size)
    task.warmup_steps = 2
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pl.Trainer(
            accelerator="cpu",
            devices=num_ranks,
            strategy="ddp" if num_ranks > 1 else "auto",
            max_steps=STEPS,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            use_distributed_sampler=False,
            gradient_clip_val=1.0,
            callbacks=[Losses(out)],
        ).fit(task, Data())


if __name__ == "__main__":
    train(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if sys.argv[3:] else None)
