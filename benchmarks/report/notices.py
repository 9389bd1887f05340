"""What a reader must know before comparing scores: items that are missing, and what results themselves warn of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.report.blocks import Block
from benchmarks.results import WARNINGS


def notices(blocks: Sequence[Block]) -> list[str]:
    """One sentence each; models that it is true of stand together."""
    found = []
    for block in blocks:
        if block.coverage:
            found.append(f"{block.title}: such scores are not comparable with those of all items")
        models = defaultdict(list)
        for result in block.results:
            for sentence in result.data.get(WARNINGS, ()):
                models[str(sentence)].append(result.model)
        for sentence, some in models.items():
            who = "" if len(some) == len(block.results) else f", {', '.join(some)}"
            found.append(f"{block.title}{who}: {sentence}")
    return found
