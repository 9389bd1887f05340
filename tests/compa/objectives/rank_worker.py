"""The work of each of several real processes, and how they are started."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast
from unittest import mock

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.multiprocessing.spawn import spawn
from torch.nn.functional import normalize
from torch.nn.parallel import DistributedDataParallel

from compa.objectives import Embeddings, InfoNCE, Temperature, judge_pairs
from compa.objectives.kernels import distributed
from compa.objectives.kernels import tiles as tiles_module
from tests.compa.objectives.batches import NAMES, detached, gradients, objective_named, random_batch

DTYPES = (torch.float64, torch.float32, torch.bfloat16)
SHARES = {2: ((6, 6), (7, 4)), 4: ((4, 4, 4, 4), (3, 5, 4, 1))}
"""Clips of every rank, by the number of ranks."""


def whole_batch(sizes: Sequence[int], dtype: torch.dtype, seed: int = 5) -> Embeddings:
    """The batch of all ranks, its extras in any order; in float64 so that it can be cut and cast."""
    total = sum(sizes)
    batch = random_batch(seed, num_clips=total, num_extras=2 * total + 1, width=8, share_known=0.2)
    return replace(detached(batch, dtype), scale=torch.tensor(12.0, dtype=max(dtype, torch.float32, key=_bytes)))


def share_of(whole: Embeddings, sizes: Sequence[int], rank: int) -> tuple[Embeddings, Tensor]:
    """One rank's part of a batch, with gradients of its own, and which extras it holds."""
    start, size = sum(sizes[:rank]), sizes[rank]
    clips = torch.arange(start, start + size)
    extras = ((whole.owner >= start) & (whole.owner < start + size)).nonzero()[:, 0]
    assert whole.known_true is not None
    part = Embeddings(
        audio=whole.audio[clips],
        captions=whole.captions[clips],
        extras=whole.extras[extras],
        owner=whole.owner[extras] - start,
        is_positive=whole.is_positive[extras],
        scale=whole.scale,
        known_true=whole.known_true[torch.cat([clips, len(whole.audio) + extras])],
    )
    return detached(part), extras


@cache
def run_ranks(num_ranks: int) -> dict[tuple[int, ...], list[dict[str, Any]]]:
    """Starts that many processes, once, and returns the results of each, for several ways to split the clips."""
    with tempfile.TemporaryDirectory() as folder:
        spawn(_work, (num_ranks, folder), nprocs=num_ranks)  # type: ignore[no-untyped-call]
        found = [torch.load(Path(folder) / f"{rank}.pt", weights_only=False) for rank in range(num_ranks)]
    return {sizes: [of_rank[sizes] for of_rank in found] for sizes in SHARES[num_ranks]}


def _work(rank: int, num_ranks: int, folder: str) -> None:
    warnings.simplefilter("error")
    torch.set_num_threads(1)
    store = f"file://{folder}/store"
    dist.init_process_group("gloo", init_method=store, rank=rank, world_size=num_ranks, timeout=timedelta(seconds=60))
    found = {
        sizes: {
            "losses": _losses(rank, sizes),
            "aligned": _aligned(rank, sizes),
            "refused": _refused(rank, sizes),
            "known": _known(rank, sizes),
            "alone": _alone(rank, sizes) if rank == 0 else None,
            "scattered": _scattered(rank, sizes),
            "trained": _trained(rank, sizes),
        }
        for sizes in SHARES[num_ranks]
    }
    torch.save(found, Path(folder) / f"{rank}.pt")
    dist.barrier()
    dist.destroy_process_group()


def _losses(rank: int, sizes: Sequence[int]) -> dict[tuple[str, torch.dtype], tuple[Tensor, list[Tensor]]]:
    results = {}
    with mock.patch.dict(tiles_module.SIZES, {"cpu": tiles_module.TileSizes(edge=3, cached=12)}):
        for dtype in DTYPES:
            for name in NAMES:
                part, _ = share_of(whole_batch(sizes, dtype), sizes, rank)
                loss = objective_named(name)(part)
                results[name, dtype] = (loss.total.detach(), gradients(loss.total, part))
    return results


def aligned_batch(sizes: Sequence[int]) -> Embeddings:
    """Half precision rows that match so well that almost nothing is left of their gradients."""
    whole = whole_batch(sizes, torch.float64)
    captions = normalize(whole.audio + 0.1 * whole.captions, dim=1)
    assert whole.known_true is not None
    known_true = torch.zeros_like(whole.known_true)
    scale = torch.tensor(30.0, requires_grad=True)
    return detached(replace(whole, captions=captions, known_true=known_true, scale=scale), torch.bfloat16)


def _aligned(rank: int, sizes: Sequence[int]) -> list[Tensor]:
    part, _ = share_of(aligned_batch(sizes), sizes, rank)
    return gradients(InfoNCE()(part).total, part)


def _refused(rank: int, sizes: Sequence[int]) -> dict[str, str]:
    """The error on each rank when the last one has something wrong, or its part does not fit the others."""
    part, _ = share_of(whole_batch(sizes, torch.float32), sizes, rank)
    is_last = rank == len(sizes) - 1
    assert part.known_true is not None
    bad = {
        "shape": replace(part, captions=part.captions[1:]) if is_last else part,
        "nan": replace(part, audio=part.audio * torch.nan) if is_last else part,
        "width": replace(part, **_narrow(part)) if is_last else part,
        "type": detached(part, torch.bfloat16) if is_last else part,
        "columns": replace(part, known_true=part.known_true[:, :2]) if is_last else part,
        "contradiction": _contradictory(part) if is_last else part,
    }
    errors = {}
    for problem, batch in bad.items():
        try:
            InfoNCE()(batch)
        except ValueError as error:
            errors[problem] = str(error)
    return errors


def _contradictory(part: Embeddings) -> Embeddings:
    assert part.known_true is not None
    return replace(part, known_true=torch.ones_like(part.known_true), is_positive=torch.zeros_like(part.is_positive))


def _narrow(part: Embeddings) -> dict[str, Tensor]:
    return {name: normalize(getattr(part, name)[:, 1:], dim=1) for name in ("audio", "captions", "extras")}


def _known(rank: int, sizes: Sequence[int]) -> Tensor:
    """Text t is true of the clips with the same half of the number."""
    start = sum(sizes[:rank])
    clips = list(range(start, start + sizes[rank]))
    return judge_pairs([g // 2 for g in clips], clips, lambda text, clip: text == clip // 2, across_ranks=True)


def _alone(rank: int, sizes: Sequence[int]) -> Tensor:
    """In `eval()` mode one rank may call without the others."""
    part, _ = share_of(whole_batch(sizes, torch.float64), sizes, rank)
    objective = objective_named("mean").eval()
    assert not objective.spans_ranks
    return objective(replace(part, known_true=None)).total.detach()


def _scattered(rank: int, sizes: Sequence[int]) -> list[Tensor]:
    """Both ways: by the collective reduce-scatter, if sizes are equal, and directly."""
    everything = torch.arange(float(2 * sum(sizes))).view(-1, 2) * (rank + 1)
    ways = [False, True] if len(set(sizes)) == 1 else [False]
    results = []
    for is_nccl in ways:
        with mock.patch.object(distributed, "_uses_nccl", return_value=is_nccl):
            results.append(distributed.reduce_scatter_rows(everything, sizes))
    return results


class Towers(nn.Module):
    """Two linear encoders and a temperature."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.audio, self.text, self.temperature = nn.Linear(5, 4), nn.Linear(5, 4), Temperature(0.1)
        self.double()
        self.temperature.log_scale.data = self.temperature.log_scale.data.double()

    def forward(self, clips: Tensor, captions: Tensor, extras: Tensor) -> tuple[Tensor, ...]:
        audio, *texts = self.audio(clips), self.text(captions), self.text(extras)
        return *(normalize(rows, dim=1) for rows in (audio, *texts)), self.temperature()


def train_once(towers: nn.Module, sizes: Sequence[int], of_ranks: Sequence[int]) -> None:
    """Goes back once through the towers, over the clips of some ranks."""
    random = torch.Generator().manual_seed(2)
    inputs = torch.randn(3, sum(sizes), 5, generator=random, dtype=torch.float64)
    rows = torch.cat([torch.arange(sum(sizes))[sum(sizes[:rank]) :][: sizes[rank]] for rank in of_ranks])
    audio, captions, extras, scale = towers(*inputs[:, rows])
    batch = Embeddings(
        audio=audio,
        captions=captions,
        extras=extras,
        owner=torch.arange(len(rows)),
        is_positive=rows % 2 == 0,
        scale=scale,
    )
    torch.autograd.backward(objective_named("mean")(batch).total)


def _trained(rank: int, sizes: Sequence[int]) -> dict[str, Tensor]:
    """Gradients of encoders and temperature as an ordinary data-parallel training averages them."""
    towers = DistributedDataParallel(Towers())
    train_once(towers, sizes, [rank])
    module = cast(Towers, towers.module)
    return {name: weight.grad for name, weight in module.named_parameters() if weight.grad is not None}


def _bytes(dtype: torch.dtype) -> int:
    return dtype.itemsize
