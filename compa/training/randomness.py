"""Makes the randomness of a step (dropout, dropped tokens) a function of the seed and the step alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback


class StepRandomness(Callback):
    """Seeds every optimizer step, so that a resumed training draws the same numbers as without a stop.

    Ranks draw different numbers; the accumulated batches of a step continue its sequence.
    """

    def __init__(self) -> None:
        self._seed = 0
        self._seeded_step = -1

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remembers the training's seed."""
        self._seed, self._seeded_step = torch.initial_seed(), -1

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seeds at the beginning of a step."""
        if trainer.global_step != self._seeded_step:
            self._seeded_step = trainer.global_step
            place = np.random.SeedSequence([self._seed, trainer.global_step, trainer.global_rank])
            torch.manual_seed(int(place.generate_state(1, np.uint64)[0]))
