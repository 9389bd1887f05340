"""A callback that writes down which clips every step saw, and that can send a signal to its own process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback


class Recorder(Callback):
    """Appends one line a batch to `ids-<rank>.jsonl`.

    Args:
        folder: Where the files go.
        kill_after_batch: After so many batches of this process, rank 0 gets a signal.
        signal_name: Which one; `group` before it sends it to all processes of the session.
    """

    def __init__(self, folder: str, kill_after_batch: int | None = None, signal_name: str = "SIGKILL") -> None:
        self.folder = Path(folder)
        self.kill_after_batch = kill_after_batch
        self.signal_name = signal_name
        self.num_batches = 0

    def on_train_batch_end(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        with (self.folder / f"ids-{trainer.global_rank}.jsonl").open("a") as file:
            seen = [[e.id, e.caption, float(w.sum())] for e, w in zip(batch.examples, batch.waveforms, strict=True)]
            place = {"step": trainer.global_step, "batch": batch_idx, "ranks": trainer.world_size}
            file.write(json.dumps(place | {"seen": seen}) + "\n")
        self.num_batches += 1
        if trainer.is_global_zero and self.num_batches == self.kill_after_batch:
            if self.signal_name.startswith("group "):  # workers obey their parent, so that it must not be the sender
                subprocess.run(["kill", "-s", self.signal_name.split("SIG")[1], "--", f"-{os.getpid()}"], check=False)
            else:
                os.kill(os.getpid(), getattr(signal, self.signal_name))


def read_steps(folder: Path) -> list[tuple[int, int, list[Any]]]:
    """What all ranks together saw, batch by batch in the order of time: step, ranks, clips in rank order."""
    of_ranks = {
        int(path.stem.removeprefix("ids-")): path.read_text().splitlines() for path in folder.glob("ids-*.jsonl")
    }
    others = {rank: {_key(record): record["seen"] for record in map(json.loads, of_ranks[rank])} for rank in of_ranks}
    steps = []
    for record in map(json.loads, of_ranks[0]):
        shares = [record["seen"], *(others[rank].get(_key(record), []) for rank in range(1, record["ranks"]))]
        steps.append((record["step"], record["ranks"], [clip for share in shares for clip in share]))
    return steps


def _key(record: dict[str, Any]) -> tuple[int, int, int]:
    return record["step"], record["batch"], record["ranks"]
