"""Times training steps side by side: `python -m benchmarks.speed.training`.

The demo's model, scenes and batch. A batch in chunks is timed beside the batch at once, in turns; the steps of `compa
fit`, with its run folder, log, watch and stops, beside those of a bare loop over the same batches, in turns of one
training each. Peak memory is measured in processes of their own. What encoders need not compute, `encoders.py` times.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from torch.utils.data import DataLoader

from benchmarks.speed.encoders import cache_table, padding_table, read_captions, token_table
from benchmarks.speed.memory import growth_in
from benchmarks.speed.objectives import CLOCKS, MIB, take_turns
from benchmarks.speed.output import tell
from compa.data.batch import Batch
from compa.data.scenes import SceneData
from compa.objectives import HardNegativeNCE
from compa.training import run_folder
from compa.training.contrastive import ContrastiveTask

PARTS = ("chunks", "memory", "lightning", "cache", "tokens", "padding")
CHUNK_SIZES = (32, 16, 8)
Clock = Callable[[], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables; `--out` writes them to a file, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone; can be repeated")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    parser.add_argument("--seconds", type=float, default=60, help="for a table of rounds; default: %(default)s")
    parser.add_argument("--steps", type=int, default=100, help="of a training; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of each kind; default: %(default)s")
    parser.add_argument("--captions", type=Path, metavar="CSV", help="with a column caption, which padding needs")
    parser.add_argument("--out", type=Path, help="file for the tables, in Markdown")
    parser.add_argument("--peak-of", type=int, help=argparse.SUPPRESS)  # what a process of its own measures
    options = parser.parse_args(arguments)
    if "padding" in (options.only or ()) and not options.captions:
        parser.error("padding is measured on --captions CSV")
    torch.set_num_threads(options.threads)
    if options.peak_of is not None:
        print(_measure_peak(options.peak_of))
        return
    tell(_report(options), options.out)


def _report(options: argparse.Namespace) -> Iterator[str]:
    yield (
        f"{platform.machine()}, {options.threads} threads, {options.clock} time, torch {torch.__version__}, "
        f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    parts = options.only or PARTS
    batches = _batches(4) if {"chunks", "lightning"} & set(parts) else []
    if "chunks" in parts:
        yield from _chunk_table(batches[0], options)
    if "memory" in parts:
        yield from _memory_table(options)
    if "lightning" in parts:
        yield from _lightning_table(batches, options)
    if "cache" in parts:
        yield from cache_table(options.seconds, CLOCKS[options.clock])
    if "tokens" in parts:
        yield from token_table(options.seconds, CLOCKS[options.clock])
    if "padding" in parts and options.captions:
        yield from padding_table(read_captions(options.captions), options.seconds, CLOCKS[options.clock])


def _chunk_table(batch: Batch, options: argparse.Namespace) -> Iterator[str]:
    works = {"at once": partial(_go_back, _task(None), batch)}
    works |= {f"chunks of {size}": partial(_go_back, _task(size), batch) for size in CHUNK_SIZES}
    times = take_turns(works, options.seconds, clock=CLOCKS[options.clock])
    whole = times["at once"]
    yield f"\n{len(batch.captions)} clips, {len(batch.extras)} further texts, {len(whole.rounds)} rounds\n"
    yield "| forward and backward | best, ms | to all at once | median of rounds |"
    yield "| --- | ---: | ---: | ---: |"
    for name, taken in times.items():
        middle = statistics.median(one / other for one, other in zip(taken.rounds, whole.rounds, strict=True))
        yield f"| {name} | {taken.best * 1e3:.1f} | {taken.best / whole.best:.3f} | {middle:.3f} |"


def _memory_table(options: argparse.Namespace) -> Iterator[str]:
    yield "\n| growth of the peak, gradients included | MiB |"
    yield "| --- | ---: |"
    for size in (0, *CHUNK_SIZES):
        command = [sys.executable, "-m", "benchmarks.speed.training", "--peak-of", str(size), "--threads"]
        done = subprocess.run([*command, str(options.threads)], capture_output=True, text=True, check=True)
        yield f"| {f'chunks of {size}' if size else 'at once'} | {int(done.stdout) / MIB:.0f} |"


def _measure_peak(chunk_size: int) -> int:
    task, (small, batch) = _task(chunk_size or None), [*_batches(1, 4), *_batches(1)]
    _go_back(task, small)  # libraries are loaded, threads started
    return growth_in(partial(_go_back, task, batch))


def _lightning_table(batches: Sequence[Batch], options: argparse.Namespace) -> Iterator[str]:
    clock, kinds = CLOCKS[options.clock], {"bare loop": _bare_steps, "compa fit": _lightning_steps}
    taken: dict[str, list[list[float]]] = {name: [] for name in kinds}
    for _ in range(options.rounds):
        for name, train in kinds.items():
            taken[name].append(train(batches, options.steps, clock))
    yield f"\n{options.rounds} trainings of {options.steps} steps, without their first 5\n"
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
        _go_back(task, batches[step % len(batches)])
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
    """The same batches again and again, ready in memory."""

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


def _go_back(task: ContrastiveTask, batch: Batch) -> None:
    task.objective(task.embed(batch)).total.backward()  # type: ignore[no-untyped-call]


def _batches(number: int, batch_size: int = 64) -> list[Batch]:
    data = SceneData(batch_size=batch_size, num_batches=number)
    return list(data.train_dataloader())


if __name__ == "__main__":
    main()
