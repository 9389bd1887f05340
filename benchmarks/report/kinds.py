"""Heat maps: how models fare by kind of item, and by what sounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.report.task_results import Block
from benchmarks.results.result import Result

FACETS = {"kind": "kind", "labels": "sound"}
"""Keys of items by which they are told apart, and what readers call them; an item has one value or several."""
MAX_COLUMNS = 24


@dataclass(frozen=True)
class HeatMap:
    """Shares of items won.

    Attributes:
        block: Task and data.
        facet: What the columns are.
        columns: Value of the facet and how many items have it.
        rows: A model, no control, and its share in each column (None where it has no item).
        left_out: How many columns there would be more; the hardest ones are shown.
    """

    block: Block
    facet: str
    columns: Sequence[tuple[str, int]]
    rows: Sequence[tuple[str, Sequence[float | None]]]
    left_out: int


def heat_maps(blocks: Sequence[Block]) -> list[HeatMap]:
    """A heat map for each facet by which the items of a block differ."""
    maps = (_heat_map(block, key, facet) for block in blocks for key, facet in FACETS.items())
    return [found for found in maps if found is not None]


def _heat_map(block: Block, key: str, facet: str) -> HeatMap | None:
    models = [result for result in block.results if not result.is_control]
    won = {result.model: _won(result, key, block.headline.name) for result in models}
    counts: dict[str, int] = {}
    for outcomes in won.values():
        for value, some in outcomes.items():
            counts[value] = max(counts.get(value, 0), len(some))
    if len(counts) < 2:
        return None
    shares = {model: {value: sum(some) / len(some) for value, some in won[model].items()} for model in won}
    hardest = sorted(counts, key=lambda value: (sum(share.get(value, 0.0) for share in shares.values()), value))
    shown = sorted(counts) if len(counts) <= MAX_COLUMNS else hardest[:MAX_COLUMNS]
    return HeatMap(
        block,
        facet,
        [(value, counts[value]) for value in shown],
        [(model, [share.get(value) for value in shown]) for model, share in shares.items() if share],
        len(counts) - len(shown),
    )


def _won(result: Result, key: str, metric: str) -> dict[str, list[bool]]:
    """For each value of the facet, which of its items were won."""
    outcomes = defaultdict(list)
    for item in result.items:
        correct = item.get("correct")
        if isinstance(correct, Mapping) and metric in correct:
            for value in _values(item.get(key)):
                outcomes[value].append(bool(correct[metric]))
    return dict(outcomes)


def _values(facet: Any) -> list[str]:
    if facet is None:
        return []
    return sorted({str(value) for value in facet}) if isinstance(facet, list | tuple) else [str(facet)]
