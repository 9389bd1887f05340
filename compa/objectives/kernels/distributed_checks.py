"""Checks of a batch, on which all ranks agree before a collective that a refusing rank would miss."""

from __future__ import annotations

import torch.distributed as dist

from compa.objectives.checks import TOLERANCES, layout_problems, value_problems
from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import distributed


def check_batch(embeddings: Embeddings, *, across_ranks: bool, values: bool) -> list[int]:
    """Checks a batch; if it spans all ranks, all of them have to call, and if one refuses its part, all raise.

    Args:
        embeddings: This rank's part of the batch.
        across_ranks: Whether the batch is that of all ranks.
        values: Whether to look at the values too, which waits for the device they are on; all ranks do if one wants it.

    Returns:
        The number of clips of every rank, which may differ; empty if the batch stays within this rank.

    Raises:
        ValueError: The first problem, or which rank has one.
    """
    problem = next(layout_problems(embeddings), "")
    row = [not problem, values, *([0] * 4 if problem else _layout(embeddings))]
    table = distributed.all_gather_numbers(row) if across_ranks else [row]
    _raise_on_all_ranks(problem, table)
    counts = [row[2] for row in table]
    if any(row[3:5] != table[0][3:5] for row in table):
        seen = ", ".join(f"{row[3]} of {str(list(TOLERANCES)[row[4]]).removeprefix('torch.')}" for row in table)
        raise ValueError(f"the embeddings must have equal dimensions and types on all ranks; got {seen}")
    for rank, (*_, columns) in enumerate(table):
        if columns not in (-1, sum(counts)):
            where = f" on rank {rank}" if across_ranks else ""
            raise ValueError(
                f"known_true must have {sum(counts)} columns, one per clip of all ranks; got {columns}{where}"
            )
    if any(row[1] for row in table):
        problem = next(value_problems(embeddings, sum(counts[: dist.get_rank()]) if across_ranks else 0), "")
        _raise_on_all_ranks(problem, distributed.all_gather_numbers([not problem]) if across_ranks else [])
    return counts if across_ranks else []


def _layout(embeddings: Embeddings) -> list[int]:
    """Clips, dimensions, type, and columns of `known_true` or -1."""
    audio, known_true = embeddings.audio, embeddings.known_true
    return [*audio.shape, list(TOLERANCES).index(audio.dtype), -1 if known_true is None else known_true.shape[1]]


def _raise_on_all_ranks(problem: str, table: list[list[int]]) -> None:
    if problem:
        raise ValueError(problem)
    refused = ", ".join(str(rank) for rank, row in enumerate(table) if not row[0])
    if refused:
        raise ValueError(f"rank {refused} refused its part of the batch; its own message says why")
