"""Runs tasks on models and keeps what they score."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.results import Result, write_result
from benchmarks.scorer import Scorer
from benchmarks.tasks import Material, Task, TestSet, find_task


@dataclass(frozen=True)
class Saved:
    """A result, the file that holds it, and whether that file replaced an earlier one."""

    result: Result
    path: Path
    replaced: bool


def run(
    scorer: Scorer,
    model: str,
    task: str | Task,
    material: Material,
    out: Path,
    seed: int = 0,
    test_set: TestSet | None = None,
    notes: Mapping[str, Any] | None = None,
) -> Saved:
    """Scores one model in one task and writes the result.

    Args:
        scorer: The model.
        model: Its name in the result: a run folder's own name or `control:<name>`.
        task: A task or its name.
        material: What the task makes its items of.
        out: Folder for the result file.
        seed: Recorded in the result; the items do not depend on it.
        test_set: From the task's `prepare`, to save rendering the same items for every model.
        notes: Kept under `run` in the result, beside the times: paths, the device.

    Raises:
        ValueError: If the task is unknown or the scores are unusable.
    """
    task = find_task(task) if isinstance(task, str) else task
    started, clock = datetime.now(UTC), time.perf_counter()
    result = task.run(scorer, model, test_set or task.prepare(material), seed)
    seconds = round(time.perf_counter() - clock, 3)
    record = {"started": started.isoformat(timespec="seconds"), "seconds": seconds} | dict(notes or {})
    result = dataclasses.replace(result, run=record)
    return Saved(result, *write_result(result, out))


def run_all(
    scorers: Mapping[str, Scorer],
    tasks: Sequence[str],
    material: Material,
    out: Path,
    seed: int = 0,
    notes: Mapping[str, Any] | None = None,
    on_error: Callable[[str, str, Exception], None] | None = None,
) -> Iterator[Saved]:
    """Scores several models in several tasks; items are made once a task, and what is done is kept.

    Args:
        scorers: The models by their names in results.
        tasks: Names of tasks.
        material: What the tasks make their items of.
        out: Folder for the result files.
        seed: Recorded in the results.
        notes: Kept under `run` in the results.
        on_error: Told of a (model, task, ValueError or OSError), then the others go on; None raises it.

    Yields:
        Each result as it is written.
    """
    for task in [find_task(name) for name in dict.fromkeys(tasks)]:
        test_set = task.prepare(material)
        for model, scorer in scorers.items():
            try:
                yield run(scorer, model, task, material, out, seed, test_set, notes)
            except (ValueError, OSError) as error:
                if on_error is None:
                    raise
                on_error(model, task.name, error)
