"""Collectives of the objectives: sizes, audio rows and per-clip vectors are exchanged; texts never leave their rank."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

_control_groups: dict[Any, Any] = {}


def is_distributed() -> bool:
    """Whether a process group of more than one rank is up."""
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1


def all_gather_numbers(numbers: Sequence[int]) -> list[list[int]]:
    """Returns every rank's integers, equally many on each, in rank order.

    They travel over the CPU, so that no GPU has to be waited for: over the default group if it uses gloo, otherwise
    over an additional gloo group, which is made at the first call.
    """
    own = torch.tensor(numbers, dtype=torch.int64)
    gathered = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(gathered, own, group=_control_group())
    return [part.tolist() for part in gathered]


def all_gather_objects(values: Sequence[Any]) -> list[Any]:
    """Returns the values of all ranks in rank order; they are pickled, so keep them small."""
    gathered: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(gathered, list(values), group=_control_group())
    return [value for part in gathered for value in part]


def all_gather_rows(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Returns the `counts[r]` rows of every rank r, in rank order: `(sum of counts, D)`."""
    most = max(counts)
    if len(rows) < most:
        rows = torch.cat([rows, rows.new_zeros(most - len(rows), *rows.shape[1:])])
    gathered = rows.new_empty(most * len(counts), *rows.shape[1:])
    _all_gather(gathered, rows.contiguous())
    if min(counts) == most:
        return gathered
    return torch.cat([part[:count] for part, count in zip(gathered.view(len(counts), most, -1), counts, strict=True)])


def reduce_scatter_rows(rows: Tensor, counts: Sequence[int]) -> Tensor:
    """Sums every rank's `(sum of counts, D)` and returns the `counts[r]` rows of this rank r.

    Half precision is summed in float32. Gloo's reduce-scatter is an all-reduce inside, twice the bytes. There, and
    where a reduce-scatter would sum in half precision or cannot split unevenly, every rank sends its rows straight to
    their owner, which adds them up.
    """
    own = counts[dist.get_rank()]
    is_half = rows.dtype in (torch.float16, torch.bfloat16)
    if _uses_nccl(rows.device) and not is_half and min(counts) == max(counts):
        total = rows.new_empty(own, *rows.shape[1:])
        _reduce_scatter(total, rows)
        return total
    parts = rows.new_empty(own * len(counts), *rows.shape[1:])
    dist.all_to_all_single(parts, rows, [own] * len(counts), list(counts))
    parts = parts.view(len(counts), own, *rows.shape[1:])
    return parts.sum(0, dtype=torch.float32 if is_half else None)


def all_reduce_log2(log2_values: Tensor) -> Tensor:
    """Sums values over the ranks, given and returned as log2; two vectors are exchanged."""
    largest = log2_values.clone()
    dist.all_reduce(largest, op=dist.ReduceOp.MAX)
    total = (log2_values - largest).exp2_()
    dist.all_reduce(total)
    return total.log2_().add_(largest)


def all_reduce_sum(vector: Tensor) -> Tensor:
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


def _uses_nccl(device: torch.device) -> bool:
    return f"{device.type}:nccl" in dist.get_backend_config()


def _collective(*names: str) -> Callable[..., Any]:
    """Finds a collective by the first of its names that exists: torch 2.14 renamed some and warns of the old names."""
    found: Callable[..., Any] = next(getattr(dist, name) for name in names if hasattr(dist, name))
    return found


def _all_gather(gathered: Tensor, own: Tensor) -> None:
    _collective("all_gather_single", "all_gather_into_tensor")(gathered, own)


def _reduce_scatter(own: Tensor, rows: Tensor) -> None:
    _collective("reduce_scatter_single", "reduce_scatter_tensor")(own, rows)
