"""What readers must know before they compare scores: missing items, and warnings in the result files."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from benchmarks.report.task_results import TaskResults
from benchmarks.results.result import WARNINGS

_PARTIAL = "Not all items were measured, so scores are not comparable with those of all"


def collect_warnings(tasks: Sequence[TaskResults]) -> list[str]:
    """Gives each warning once, with the tasks and models that it applies to."""
    affected: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for task in tasks:
        if task.best.coverage:
            affected[_PARTIAL, ""].append(task.title)
        models = defaultdict(list)
        for result in task.results:
            for sentence in result.data.get(WARNINGS, ()):
                models[str(sentence)].append(result.model)
        for sentence, some in models.items():
            prefix = "" if len(some) == len(task.results) else f"{', '.join(sorted(some))} in "
            affected[sentence, prefix].append(task.title)
    return [f"{sentence}: {prefix}{', '.join(titles)}" for (sentence, prefix), titles in affected.items()]
