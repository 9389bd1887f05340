"""A loader that starts at the trainer's current step, also after resuming or with another number of ranks."""

from __future__ import annotations

import math
import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytorch_lightning as pl
from torch.utils.data import DataLoader, Dataset, Sampler

from compa.data.batch import Batch


class TrainingLoader:
    """Batches by number, from the one that comes next after the trainer's last optimizer step.

    The trainer's step is the only state, and it is in every checkpoint, so a checkpoint and the data's settings are all
    that resuming needs. The trainer is not read before the first batch is needed: Lightning makes iterators before it
    has restored a checkpoint.

    Workers live as long as an epoch's iterator, and end with it.

    Args:
        batches: Batches by number, where numbers go on from one epoch to the next.
        num_batches: Batches an epoch.
        num_workers: Processes that make batches; each makes whole ones.
        trainer: Whose training it is; without one the first epoch is given.
    """

    def __init__(
        self, batches: Dataset[Batch], num_batches: int, num_workers: int = 0, trainer: pl.Trainer | None = None
    ) -> None:
        self.num_batches = num_batches
        self.trainer = trainer
        self._loader = DataLoader(
            batches, batch_size=None, sampler=_Numbers(self), num_workers=num_workers, worker_init_fn=_keep_working
        )

    def __len__(self) -> int:
        """Batches of a whole epoch, however many are left of the present one."""
        return self.num_batches

    def __iter__(self) -> Iterator[Batch]:
        """What is left of the present epoch."""
        yield from self._loader

    def numbers(self) -> range:
        """The numbers of the batches that are left of the present epoch."""
        if self.trainer is None:
            return range(self.num_batches)
        length = int(min(self.num_batches, self.trainer.num_training_batches))  # fewer with `limit_train_batches`
        accumulated = self.trainer.accumulate_grad_batches
        epoch, step = divmod(self.trainer.global_step, math.ceil(length / accumulated))
        return range(epoch * length + step * accumulated, (epoch + 1) * length)

    def state_dict(self) -> dict[str, Any]:
        """Tells Lightning that this loader can resume; there is nothing to keep."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Ignores the state; the position follows from the trainer's step."""


class _Numbers(Sampler[int]):
    def __init__(self, loader: TrainingLoader) -> None:
        self.loader = loader

    def __iter__(self) -> Iterator[int]:
        return iter(self.loader.numbers())


def validation_loader(batches: Dataset[Batch], num_workers: int) -> DataLoader[Batch]:
    """The same batches in every validation, by workers that stay."""
    return DataLoader(
        batches,
        batch_size=None,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        worker_init_fn=_keep_working,
    )


def _keep_working(_worker: int) -> None:
    """Makes a worker ignore signals, so that the trainer can finish its optimizer step.

    Terminals send Ctrl-C, and SLURM SIGTERM, to all processes; DataLoader ends its workers by the latter.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(signal, "sigwaitinfo"):  # not on macOS
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        threading.Thread(target=_end_for_the_parent, daemon=True).start()


def _end_for_the_parent() -> None:
    while signal.sigwaitinfo({signal.SIGTERM}).si_pid != os.getppid():
        pass
    os._exit(0)


def check_resumed(saved: dict[str, Any], present: dict[str, Any]) -> None:
    """Makes sure that a checkpoint's training goes on with the same data.

    Raises:
        ValueError: If a setting is another one now.
    """
    for name, value in saved.items():
        if name in present and present[name] != value:
            raise ValueError(
                f"the checkpoint was trained with {name} {value!r}, now it is {present[name]!r}: resume with the same "
                "data and settings, or start a new training"
            )
