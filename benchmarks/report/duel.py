"""Model against model: by how much each wins or loses every item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.report.task_results import Block
from benchmarks.results.result import Result

MAX_ITEMS = 1000


def margin(item: Mapping[str, Any]) -> float | None:
    """By how much the true entry that leads least leads what it is compared with; not above 0 is a lost group.

    Args:
        item: A record of a result file.

    Returns:
        None where the item has no square matrix of scores, so that nothing tells what is true.

    Example:
        >>> margin({"scores": [[0.75, 0.5], [0.25, 0.625]]}), margin({"scores": [[1, 1], [0, 1]]}), margin({})
        (0.125, 0.0, None)
    """
    try:
        scores = np.asarray(item["scores"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        return None
    true = np.diagonal(scores)
    other = ~np.eye(len(scores), dtype=bool)
    return float(min((true[:, None] - scores)[other].min(), (true[None, :] - scores)[other].min()))


def duels(blocks: Sequence[Block]) -> list[dict[str, Any]]:
    """What the page's script draws: of each block the items that all models have, and their margins.

    Controls and blocks with fewer than two models are left out; of very many items, at most `MAX_ITEMS` are taken, at
    even distances.
    """
    made = []
    for block in blocks:
        by_model = {result.model: _margins(result) for result in block.results if not result.is_control}
        by_model = {model: some for model, some in by_model.items() if some}
        if len(by_model) < 2:
            continue
        captions = {str(item.get("id")): item.get("captions", ()) for item in block.leader.items}
        shared = [name for name in captions if all(name in some for some in by_model.values())]
        items = shared[:: -(-len(shared) // MAX_ITEMS) or 1]
        if items:
            made.append(
                {
                    "title": block.title,
                    "items": items,
                    "captions": [list(map(str, captions[name])) for name in items],
                    "models": list(by_model),
                    "margins": [[float(f"{some[name]:.3g}") for name in items] for some in by_model.values()],
                }
            )
    return made


def _margins(result: Result) -> dict[str, float]:
    """The margin of each item by its id, for the items that have one."""
    found = {str(item.get("id")): margin(item) for item in result.items}
    return {name: value for name, value in found.items() if value is not None}
