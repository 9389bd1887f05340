"""Measures how much data ranks exchange for one loss and its gradients, in real processes."""

from __future__ import annotations

import re
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor
from torch.multiprocessing.spawn import spawn

from benchmarks.speed import baselines, cases
from compa.objectives import Embeddings

LOOPBACK = Path("/proc/net/dev")

RECEIVED: dict[str, Callable[[int, Sequence[Any]], float]] = {
    "all_gather": lambda ranks, given: (ranks - 1) * given[1].nbytes,
    "all_gather_into_tensor": lambda ranks, given: (ranks - 1) * given[1].nbytes,
    "all_gather_single": lambda ranks, given: (ranks - 1) * given[1].nbytes,
    "reduce_scatter_tensor": lambda ranks, given: (ranks - 1) * given[0].nbytes,
    "reduce_scatter_single": lambda ranks, given: (ranks - 1) * given[0].nbytes,
    "all_to_all_single": lambda ranks, given: (ranks - 1) / ranks * given[0].nbytes,
    "all_reduce": lambda ranks, given: 2 * (ranks - 1) / ranks * given[0].nbytes,
    "scatter": lambda _, given: 0 if dist.get_rank() == given[2] else given[0].nbytes,
}
"""Bytes that a rank receives in one call of a collective, with the best algorithm for it."""


@dataclass(frozen=True)
class Traffic:
    """Data that a rank receives for one loss and its gradients.

    Attributes:
        counted: Bytes, computed from the collectives' arguments.
        measured: Bytes a rank over the loopback interface, with headers; 0 where the interface cannot be read.
        collectives: Names of the collectives, in order.
    """

    counted: float
    measured: float
    collectives: tuple[str, ...]


@contextmanager
def count_collectives() -> Iterator[list[tuple[str, float]]]:
    """Records every collective and the bytes that it brings to this rank."""
    calls: list[tuple[str, float]] = []

    def counted(name: str, collective: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            group = kwargs.pop("group", None)
            calls.append((name, RECEIVED[name](dist.get_world_size(), args)))
            return collective(*args, **kwargs, group=group)

        return call

    with ExitStack() as patches:
        for name in filter(partial(hasattr, dist), RECEIVED):
            patches.enter_context(mock.patch.object(dist, name, counted(name, getattr(dist, name))))
        yield calls


def measure_traffic(loss: str, num_ranks: int, num_clips: int, num_extras: int, width: int = 512) -> Traffic:
    """Runs a loss (a name in `cases.LOSSES`) on several ranks.

    Args:
        loss: Name of the loss.
        num_ranks: W.
        num_clips: Clips of each rank.
        num_extras: K, extras of each clip.
        width: D.
    """
    found = _run_ranks(_traffic_of_rank, num_ranks, loss, num_clips, num_extras, width)[0]
    assert isinstance(found, Traffic)
    return found


def largest_difference(loss: str, num_ranks: int, num_clips: int, num_extras: int, dtype: torch.dtype) -> float:
    """Compares W ranks with one process: the largest difference of loss and gradients, relative to the largest entry.

    Gradients are averaged over ranks, as in data-parallel training.
    """
    batch = _global_batch(num_ranks * num_clips, num_extras, dtype)
    alone = [cases.LOSSES[loss](batch).detach(), *cases.gradients(cases.LOSSES[loss], batch)]
    together = zip(*_run_ranks(_loss_and_gradients, num_ranks, loss, num_clips, num_extras, dtype), strict=True)
    largest = 0.0
    for whole, parts in zip(alone, together, strict=True):
        if whole is not None:  # InfoNCE has no gradient for extras
            joined = torch.cat(parts) / num_ranks if whole.ndim else torch.stack(parts).mean()
            largest = max(largest, float((whole - joined).abs().max() / whole.abs().max()))
    return largest


def _run_ranks(work: Callable[..., Any], num_ranks: int, *arguments: Any) -> list[Any]:
    with tempfile.TemporaryDirectory() as folder:
        spawn(_run_rank, (num_ranks, folder, work, arguments), nprocs=num_ranks)  # type: ignore[no-untyped-call]
        return [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(num_ranks)]


def _run_rank(rank: int, num_ranks: int, folder: str, work: Callable[..., Any], arguments: Sequence[Any]) -> None:
    warnings.simplefilter("ignore")  # open_clip uses names that torch has deprecated
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/store", rank=rank, world_size=num_ranks)
    torch.save(work(rank, num_ranks, *arguments), Path(folder) / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def _traffic_of_rank(rank: int, num_ranks: int, name: str, num_clips: int, num_extras: int, width: int) -> Traffic:
    loss = cases.LOSSES[name]
    if name == cases.OPEN_CLIP:
        clip = baselines.open_clip_loss(local_loss=True, gather_with_grad=True, rank=rank, world_size=num_ranks)

        def loss(embeddings: Embeddings) -> Tensor:
            result: Tensor = clip(embeddings.audio, embeddings.captions, embeddings.scale)
            return result

    batch = cases.make_batch(num_clips, num_extras, width, seed=rank)
    cases.gradients(loss, batch)
    dist.barrier()
    time.sleep(0.2)
    before = _loopback_bytes()
    dist.barrier()
    with count_collectives() as calls:
        cases.gradients(loss, batch)
    dist.barrier()
    time.sleep(0.2)
    measured = (_loopback_bytes() - before) / num_ranks
    return Traffic(sum(size for _, size in calls), measured, tuple(called for called, _ in calls))


def _loopback_bytes() -> int:
    if not LOOPBACK.exists():
        return 0
    found = re.search(r"^\s*lo:\s*(\d+)", LOOPBACK.read_text(), re.MULTILINE)
    return int(found[1]) if found else 0


def _global_batch(num_clips: int, num_extras: int, dtype: torch.dtype) -> Embeddings:
    return cases.make_batch(num_clips, num_extras, num_positives=1, dtype=dtype)


def _loss_and_gradients(
    rank: int, num_ranks: int, name: str, num_clips: int, num_extras: int, dtype: torch.dtype
) -> list[Tensor | None]:
    whole, loss = _global_batch(num_ranks * num_clips, num_extras, dtype), cases.LOSSES[name]
    clips = slice(rank * num_clips, (rank + 1) * num_clips)
    extras = slice(clips.start * num_extras, clips.stop * num_extras)

    def rows(tensor: Tensor, place: slice) -> Tensor:
        return tensor[place].detach().clone().requires_grad_()

    batch = replace(
        whole,
        audio=rows(whole.audio, clips),
        captions=rows(whole.captions, clips),
        extras=rows(whole.extras, extras),
        owner=whole.owner[: num_clips * num_extras],
        is_positive=whole.is_positive[extras],
    )
    return [loss(batch).detach(), *cases.gradients(loss, batch)]
