"""Times training steps: `python -m benchmarks.speed.training`.

Model, scenes and batch are those of the demo. A batch in chunks is timed beside the whole batch at once, and steps of
`compa fit`, with its run folder, log and callbacks, beside a bare loop over the same batches. Child processes measure
peak memory. The remaining parts are in `encoders.py`.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from benchmarks.speed.encoders import cache_table, padding_table, read_captions, token_table
from benchmarks.speed.memory import growth_of
from benchmarks.speed.output import machine, measuring_parser, print_tables
from benchmarks.speed.timing import CLOCKS, MIB, time_in_turns
from compa.data.batch import Batch
from compa.data.scenes import SceneData
from compa.objectives import HardNegativeNCE
from compa.training import run_folder
from compa.training.contrastive import ContrastiveTask
from compa.utils.arguments import positive_int

PARTS = ("chunks", "memory", "lightning", "cache", "tokens", "padding")
CHUNK_SIZES = (32, 16, 8)
Clock = Callable[[], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    parser = measuring_parser("training", __doc__, PARTS, seconds=60)
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument(
        "--threads", metavar="N", type=positive_int, default=torch.get_num_threads(), help="CPU threads"
    )
    parser.add_argument("--steps", metavar="N", type=positive_int, default=100, help="steps of a training")
    parser.add_argument("--rounds", metavar="N", type=positive_int, default=3, help="trainings of each kind")
    parser.add_argument(
        "--captions", metavar="CSV", type=Path, help="captions in a column `caption`, for --only padding"
    )
    parser.add_argument("--peak-of", metavar="N", type=int, help=argparse.SUPPRESS)  # measured in a child process
    options = parser.parse_args(arguments)
    if "padding" in (options.only or ()) and not options.captions:
        parser.error("--only padding needs --captions CSV")
    torch.set_num_threads(options.threads)
    if options.peak_of is not None:
        print(_measure_peak(options.peak_of))
        return
    clock, seconds = CLOCKS[options.clock], options.seconds
    tables: dict[str, Callable[[], Iterator[str]]] = {
        "chunks": lambda: _chunk_table(seconds, clock),
        "memory": lambda: _memory_table(options.threads),
        "lightning": lambda: _lightning_table(options.rounds, options.steps, clock),
        "cache": lambda: cache_table(seconds, clock),
        "tokens": lambda: token_table(seconds, clock),
    }
    if options.captions:
        tables["padding"] = lambda: padding_table(read_captions(options.captions), seconds, clock)
    head = f"{machine()}, {options.threads} threads, {options.clock} time, torch {torch.__version__}"
    parts = [part for part in PARTS if part in tables and part in (options.only or PARTS)]
    print_tables(chain([head], *(tables[part]() for part in parts)), options.out)


def _chunk_table(seconds: float, clock: Clock) -> Iterator[str]:
    (batch,) = _batches(1)
    functions = {"at once": partial(_backward, _task(None), batch)}
    functions |= {f"chunks of {size}": partial(_backward, _task(size), batch) for size in CHUNK_SIZES}
    times = time_in_turns(functions, seconds, clock)
    whole = times["at once"]
    yield f"\n{len(batch.captions)} clips, {len(batch.extras)} extra texts, {len(whole.rounds)} rounds\n"
    yield "| forward and backward | best, ms | to all at once | median of rounds |"
    yield "| --- | ---: | ---: | ---: |"
    for name, taken in times.items():
        yield f"| {name} | {taken.best * 1e3:.1f} | {taken.best / whole.best:.3f} | {taken.ratio_to(whole):.3f} |"


def _memory_table(num_threads: int) -> Iterator[str]:
    yield "\n| growth of the peak, gradients included | MiB |"
    yield "| --- | ---: |"
    for size in (0, *CHUNK_SIZES):
        command = [sys.executable, "-m", "benchmarks.speed.training", "--peak-of", str(size), "--threads"]
        done = subprocess.run([*command, str(num_threads)], capture_output=True, text=True, check=True)
        yield f"| {f'chunks of {size}' if size else 'at once'} | {int(done.stdout) / MIB:.0f} |"


def _measure_peak(chunk_size: int) -> int:
    task, (small, batch) = _task(chunk_size or None), [*_batches(1, 4), *_batches(1)]
    _backward(task, small)  # loads libraries and starts threads
    return growth_of(partial(_backward, task, batch))


def _lightning_table(rounds: int, num_steps: int, clock: Clock) -> Iterator[str]:
    batches = _batches(4)
    kinds = {"bare loop": _bare_steps, "compa fit": _lightning_steps}
    taken: dict[str, list[list[float]]] = {name: [] for name in kinds}
    for _ in range(rounds):
        for name, train in kinds.items():
            taken[name].append(train(batches, num_steps, clock))
    yield f"\n{rounds} trainings of {num_steps} steps, without their first 5\n"
    yield "| a step | best, ms | median, ms | to the bare loop, median of trainings |"
    yield "| --- | ---: | ---: | ---: |"
    for name, trainings in taken.items():
        steps = [step for training in trainings for step in training[5:]]
        ratio = statistics.median(
            statistics.median(mine[5:]) / statistics.median(bare[5:])
            for mine, bare in zip(trainings, taken["bare loop"], strict=True)
        )
        yield f"| {name} | {min(steps) * 1e3:.1f} | {statistics.median(steps) * 1e3:.1f} | {ratio:.3f} |"


def _bare_steps(batches: Sequence[Batch], num_steps: int, clock: Clock) -> list[float]:
    task, ends = _task(None), []
    optimizer = torch.optim.AdamW(task.parameters(), lr=1e-3, betas=(0.9, 0.98), weight_decay=0.05)
    for step in range(num_steps):
        optimizer.zero_grad()
        _backward(task, batches[step % len(batches)])
        torch.nn.utils.clip_grad_norm_(task.parameters(), 1.0)
        optimizer.step()
        ends.append(clock())
    return [end - start for start, end in pairwise(ends)]


def _lightning_steps(batches: Sequence[Batch], num_steps: int, clock: Clock) -> list[float]:
    ends: list[float] = []

    class Ends(pl.Callback):
        def on_train_batch_end(self, *_: Any) -> None:
            ends.append(clock())

    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.ERROR)
        pl.Trainer(
            accelerator="cpu",
            max_steps=num_steps,
            gradient_clip_val=1.0,
            callbacks=run_folder.callbacks(Path(folder), [Ends()]),
            logger=run_folder.csv_logger(Path(folder)),
            log_every_n_steps=10,
            enable_model_summary=False,
            enable_progress_bar=False,
        ).fit(_task(None), _Repeated(batches, num_steps))
    return [end - start for start, end in pairwise(ends)]


class _Repeated(pl.LightningDataModule):
    """Repeats batches in memory."""

    def __init__(self, batches: Sequence[Batch], num_steps: int) -> None:
        super().__init__()
        self.batches = [batches[step % len(batches)] for step in range(num_steps)]

    def train_dataloader(self) -> DataLoader[Batch]:
        return DataLoader(self.batches, batch_size=None)  # type: ignore[arg-type]

    def training_texts(self) -> list[str]:
        return []


def _task(chunk_size: int | None) -> ContrastiveTask:
    torch.manual_seed(0)
    task = ContrastiveTask(objective=HardNegativeNCE(), chunk_size=chunk_size)
    task.clap.text_encoder.fit_tokenizer(SceneData().training_texts())
    return task.train()


def _backward(task: ContrastiveTask, batch: Batch) -> None:
    task.objective(task.embed(batch)).total.backward()  # type: ignore[no-untyped-call]


def _batches(number: int, batch_size: int = 64) -> list[Batch]:
    data = SceneData(batch_size=batch_size, num_batches=number)
    return list(data.train_dataloader())


if __name__ == "__main__":
    main()
