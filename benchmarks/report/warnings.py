"""What a reader must know before comparing scores: items that are missing, and what results themselves warn of."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.report.task_results import Block
from benchmarks.results.result import WARNINGS

_PARTIAL = "Not all items were measured, so scores are not comparable with those of all"


def notices(blocks: Sequence[Block]) -> list[str]:
    """One sentence each, with the tasks and models that it is true of."""
    where: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for block in blocks:
        if block.leader.coverage:
            where[_PARTIAL, ""].append(block.title)
        models = defaultdict(list)
        for result in block.results:
            for sentence in result.data.get(WARNINGS, ()):
                models[str(sentence)].append(result.model)
        for sentence, some in models.items():
            who = "" if len(some) == len(block.results) else f"{', '.join(sorted(some))} in "
            where[sentence, who].append(block.title)
    return [f"{sentence}: {who}{', '.join(titles)}" for (sentence, who), titles in where.items()]
