"""What a reader must know before comparing scores: items that are missing, and what results themselves warn of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.report.blocks import Block
from benchmarks.results import Result


def notices(blocks: Sequence[Block]) -> list[str]:
    """One sentence each; models that it is true of stand together."""
    found = []
    for block in blocks:
        models = defaultdict(list)
        for result in block.results:
            for sentence in _sentences(result):
                models[sentence].append(result.model)
        for sentence, some in models.items():
            who = "" if len(some) == len(block.results) else f", {', '.join(some)}"
            found.append(f"{block.title}{who}: {sentence}")
    return found


def _sentences(result: Result) -> list[str]:
    found, expected = result.data["found"], result.data["expected"]
    missing = f"scored on {found} of {expected} items, so not to be compared with others"
    return [*([missing] if found != expected else []), *map(str, result.data.get("warnings", ()))]
