"""What ranks tell each other: sizes first, then audio rows and vectors; texts never travel."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_control_groups: dict[Any, Any] = {}


def are_several() -> bool:
    """Whether a process group of more than one rank is up."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def exchange(numbers: Sequence[int]) -> list[list[int]]:
    """Gives every rank's numbers (equally many on each), in rank order.

    They travel over the CPU, so that no GPU has to be waited for: over the default group where it speaks
    gloo, else over a gloo group of its own, made at the first call.
    """
    own = torch.tensor(numbers, dtype=torch.int64)
    shares = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(shares, own, group=_control_group())
    return [share.tolist() for share in shares]


def gather_objects(values: Sequence[Any]) -> list[Any]:
    """Gives the values of all ranks in rank order, pickled on the way: for small things only."""
    shares: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(shares, list(values), group=_control_group())
    return [value for share in shares for value in share]


def gather_rows(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Gives the `counts[r]` rows of every rank r, in rank order: `(sum of counts, D)`."""
    most = max(counts)
    if len(rows) < most:
        rows = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
    everything = rows.new_empty(most * len(counts), *rows.shape[1:])
    _all_gather(everything, rows.contiguous())
    if min(counts) == most:
        return everything
    return torch.cat(
        [share[:count] for share, count in zip(everything.view(len(counts), most, -1), counts, strict=True)]
    )


def scatter_sum(everything: Tensor, counts: Sequence[int]) -> Tensor:
    """Sums every rank's `(sum of counts, D)` and gives each rank the sum of its own rows.

    Half precision is summed in float32. Gloo's reduce-scatter is an all-reduce inside, twice the bytes, so
    there (and where a reduce-scatter would sum in half precision, or can't share unevenly) shares go
    straight to their owner, who sums them.
    """
    own = counts[dist.get_rank()]
    is_half = everything.dtype in (torch.float16, torch.bfloat16)
    if _speaks_nccl(everything.device) and not is_half and min(counts) == max(counts):
        total = everything.new_empty(own, *everything.shape[1:])
        _reduce_scatter(total, everything)
        return total
    shares = everything.new_empty(own * len(counts), *everything.shape[1:])
    dist.all_to_all_single(shares, everything, [own] * len(counts), list(counts))
    shares = shares.view(len(counts), own, *everything.shape[1:])
    return shares.sum(0, dtype=torch.float32 if is_half else None)


def log2_sum(log2_masses: Tensor) -> Tensor:
    """Adds up what every rank has of each mass, given and returned as log2; two vectors travel."""
    top = log2_masses.clone()
    dist.all_reduce(top, op=dist.ReduceOp.MAX)
    mass = (log2_masses - top).exp2_()
    dist.all_reduce(mass)
    return mass.log2_().add_(top)


def sum_of(vector: Tensor) -> Tensor:
    """Sums a vector over the ranks."""
    total = vector.clone()
    dist.all_reduce(total)
    return total


def _control_group() -> Any:
    world = dist.group.WORLD
    if "gloo" in dist.get_backend_config():
        return world
    if world not in _control_groups:
        _control_groups.clear()
        _control_groups[world] = dist.new_group(backend="gloo")
    return _control_groups[world]


def _speaks_nccl(device: torch.device) -> bool:
    return f"{device.type}:nccl" in dist.get_backend_config()


def _named(*names: str) -> Callable[..., Any]:
    """Finds a collective by the first of its names there is: torch 2.14 renamed some and warns of the old."""
    found: Callable[..., Any] = next(getattr(dist, name) for name in names if hasattr(dist, name))
    return found


def _all_gather(everything: Tensor, own: Tensor) -> None:
    _named("all_gather_single", "all_gather_into_tensor")(everything, own)


def _reduce_scatter(own: Tensor, everything: Tensor) -> None:
    _named("reduce_scatter_single", "reduce_scatter_tensor")(own, everything)
