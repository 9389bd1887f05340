"""Resuming in Lightning, with a model that does nothing: what is seen after it is what would have been seen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import ModelCheckpoint
from torch import Tensor, nn

from compa.data.batch import Batch
from compa.data.loader import check_resumed
from compa.data.packed import PackedData
from compa.data.shards.pack import PackSettings, pack
from tests.compa.data.corpus import RATE, write_corpus


class Looker(pl.LightningModule):
    """Notes what it sees; with `asks_early` it makes Lightning open the loader before a checkpoint is restored."""

    def __init__(self, asks_early: bool) -> None:
        super().__init__()
        self.asks_early = asks_early
        self.weight = nn.Parameter(torch.zeros(()))
        self.seen: list[list[str]] = []

    def training_step(self, batch: Batch, batch_index: int) -> Tensor:
        self.seen.append([example.id for example in batch.examples])
        return self.weight * 1.0

    def configure_optimizers(self) -> torch.optim.Optimizer:
        if self.asks_early:
            assert self.trainer.estimated_stepping_batches > 0
        return torch.optim.SGD(self.parameters(), lr=0.1)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shards")
    pack(write_corpus(folder / "in", 30), folder / "out", PackSettings("flac", RATE, 7))
    return folder / "out"


def look(shards: Path, folder: Path, max_steps: int, asks_early: bool, num_workers: int, resume: bool) -> Looker:
    looker = Looker(asks_early)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_steps=max_steps,
        max_epochs=-1,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        callbacks=[ModelCheckpoint(folder, filename="last", every_n_train_steps=1, enable_version_counter=False)],
    )
    data = PackedData([str(shards)], batch_size=4, sample_rate=RATE, num_workers=num_workers)
    trainer.fit(looker, datamodule=data, ckpt_path=str(folder / "last.ckpt") if resume else None)
    return looker


@pytest.mark.filterwarnings(
    "ignore:Checkpoint directory",
    "ignore:You passed in a `val_dataloader`",
    "ignore:.*treespec, LeafSpec",
    "ignore:.*is smaller than the logging interval",
)
@pytest.mark.parametrize("asks_early", [False, True])
@pytest.mark.parametrize(("stop_at", "num_workers"), [(1, 0), (6, 0), (7, 0), (10, 0), (10, 2), (14, 0)])
def test_from_any_step_on_the_same_is_seen(
    shards: Path, tmp_path: Path, asks_early: bool, stop_at: int, num_workers: int
) -> None:
    whole = look(shards, tmp_path / "whole", 17, asks_early, 0, resume=False)
    first = look(shards, tmp_path / "cut", stop_at, asks_early, num_workers, resume=False)
    rest = look(shards, tmp_path / "cut", 17, asks_early, num_workers, resume=True)
    assert len(first.seen) == stop_at
    assert first.seen + rest.seen == whole.seen
    assert len({clip for batch in whole.seen[:7] for clip in batch}) == 28
    assert whole.seen[:3] != whole.seen[7:10]


def test_other_settings_are_named() -> None:
    state: dict[str, Any] = {"seed": 1, "shards": ["a"], "of old": 3}
    check_resumed(state, {"seed": 1, "shards": ["a"], "new": 5})
    with pytest.raises(ValueError, match=r"trained with shards \['a'\], now it is \['b'\]"):
        check_resumed(state, {"seed": 1, "shards": ["b"]})
