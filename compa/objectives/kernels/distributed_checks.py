"""How a batch is checked, and how ranks agree on it before anything large travels.

A rank that refuses its batch on its own would leave the others waiting for ever, so each tells the others
first.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.distributed as dist

from compa.objectives.checks import TOLERANCES, check_layout, check_values
from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import distributed as ranks


def check_alone(embeddings: Embeddings, *, values: bool) -> None:
    """Checks a batch that is contrasted within this rank.

    Args:
        embeddings: The batch.
        values: Whether to look at what the tensors hold as well, which waits for the device they are on.
    """
    check_layout(embeddings)
    _check_columns(embeddings.known_true, len(embeddings.audio))
    if values:
        check_values(embeddings)


def check_together(embeddings: Embeddings, *, values: bool) -> list[int]:
    """Checks a batch that is contrasted over all ranks; all of them have to call.

    Args:
        embeddings: This rank's part of the batch.
        values: Whether to look at what the tensors hold as well; done on every rank if one wants it.

    Returns:
        The number of clips of every rank; they may differ.

    Raises:
        ValueError: On every rank, if one of them refuses its part or the parts don't fit together.
    """
    problem = _problem(lambda: check_layout(embeddings))
    mine = [0, 0, 0, 0] if problem else _description(embeddings)
    table = ranks.exchange([problem is None, values, *mine])
    _raise_everywhere(problem, [bool(row[0]) for row in table])
    counts = [row[2] for row in table]
    for name, column in (("width", 3), ("type", 4)):
        if len({row[column] for row in table}) > 1:
            shown = ", ".join(_shown(name, row[column]) for row in table)
            raise ValueError(f"the embeddings' {name} is not the same on all ranks ({shown}); make it so")
    for rank, row in enumerate(table):
        if row[5] not in (-1, sum(counts)):
            raise ValueError(
                f"known_true has {row[5]} columns on rank {rank}; "
                f"it needs {sum(counts)}, one for each clip of all ranks"
            )
    if any(row[1] for row in table):
        problem = _problem(lambda: check_values(embeddings, sum(counts[: dist.get_rank()])))
        _raise_everywhere(problem, [bool(row[0]) for row in ranks.exchange([problem is None])])
    return counts


def _description(embeddings: Embeddings) -> list[int]:
    (num_clips, width), known_true = embeddings.audio.shape, embeddings.known_true
    dtype = list(TOLERANCES).index(embeddings.audio.dtype)
    return [num_clips, width, dtype, -1 if known_true is None else known_true.shape[1]]


def _shown(name: str, number: int) -> str:
    return str(list(TOLERANCES)[number]).removeprefix("torch.") if name == "type" else str(number)


def _check_columns(known_true: torch.Tensor | None, num_clips: int) -> None:
    if known_true is not None and known_true.shape[1] != num_clips:
        raise ValueError(f"known_true has {known_true.shape[1]} columns; it needs {num_clips}, one for each clip")


def _problem(check: Callable[[], None]) -> ValueError | None:
    try:
        check()
    except ValueError as error:
        return error
    return None


def _raise_everywhere(problem: ValueError | None, accepted: list[bool]) -> None:
    if problem is not None:
        raise problem
    if not all(accepted):
        refused = ", ".join(str(rank) for rank, fine in enumerate(accepted) if not fine)
        raise ValueError(f"rank {refused} refused its part of the batch; its own message says why")
