"""Runs tasks on models and writes the results."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import compa
from benchmarks.checks.degenerate import FINDINGS, scored_alike
from benchmarks.items import Group, Scores
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.names import is_control
from benchmarks.models.open import opened_as
from benchmarks.results.result import WARNINGS, Result, read_result, write_result
from benchmarks.scorer import NeedsItems, Scorer
from benchmarks.tasks import find_task
from benchmarks.tasks.task import Task, TaskInputs, TestSet

FINGERPRINT = "model_fingerprint"
"""The key under `run` that identifies the weights."""
PREPROCESSING = "preprocessing"
"""The key under `run` that says how audio was prepared for the model, such as how clips were padded."""


@dataclass(frozen=True)
class Saved:
    """A result and its file.

    Attributes:
        result: What was scored.
        path: The file.
        replaced: Whether it replaced an earlier one.
        kept: Whether an existing result was reused.
    """

    result: Result
    path: Path
    replaced: bool
    kept: bool = False

    @property
    def findings(self) -> list[str]:
        """What measuring showed of the model's ability to read and hear; see `benchmarks.checks.degenerate`."""
        return [warning for warning in self.result.warnings if warning in FINDINGS]


def run(
    model: object,
    name: str,
    task: str | Task,
    inputs: TaskInputs,
    out: Path,
    seed: int = 0,
    test_set: TestSet | None = None,
    notes: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
    warnings: Sequence[str] = (),
) -> Saved:
    """Scores one model in one task and writes the result, unless it is there already.

    An existing result is kept if it has the same task version, data, seed, code version and model fingerprint. A model
    without a fingerprint may change between runs, so it is always measured.

    Args:
        model: A `benchmarks.models.open.Model`, or an implementation of the protocol that the task needs.
        name: Its name in the result, such as a run folder's own name or `control:<name>`.
        task: A task or its name.
        inputs: What the task makes its items of.
        out: Folder for the result file.
        seed: Recorded in the result; the items do not depend on it.
        test_set: From the task's `prepare`, to make the items once for several models.
        notes: Stored under `run` in the result: paths, the device.
        overwrite: Measure again in any case, and let a result of fewer items replace one of more.
        warnings: What may make the score too good; stored in the result's `data`.

    Raises:
        ValueError: If the task is unknown, the model cannot serve it, its scores are unusable, or a result of more
            items would be lost.
    """
    task = find_task(task) if isinstance(task, str) else task
    try:
        opened = opened_as(model, task.needs_model, name)
    except ValueError as error:
        raise ValueError(f"{task.name} needs a model that implements {task.needs_model.__name__}: {error}") from None
    test_set = test_set or task.prepare(inputs)
    fingerprint = name if is_control(name) else getattr(opened, "fingerprint", None)
    data = _with_warnings(test_set.data, warnings)
    expected = Result(name, task.name, task.version, data, seed, compa.__version__, {}, [])
    path = out / expected.file_name
    existing = None if overwrite else _read_existing(path)
    if existing and fingerprint and _is_same(existing, expected) and existing.run.get(FINGERPRINT) == fingerprint:
        return Saved(existing, path, replaced=False, kept=True)
    if existing and _is_part(expected, existing):
        raise ValueError(
            f"{path} has {existing.data['found']} items and would be replaced by {expected.data['found']}: "
            "choose another --out, or give --overwrite"
        )
    started, clock = datetime.now(UTC), time.perf_counter()
    result, findings = _measured(opened, name, task, test_set, seed)
    record: dict[str, Any] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
        FINGERPRINT: fingerprint,
    }
    if isinstance(preprocessing := getattr(opened, PREPROCESSING, None), Mapping):
        record[PREPROCESSING] = preprocessing
    data = _with_warnings(data, findings)
    result = dataclasses.replace(result, data=data, run=record | dict(notes or {}))
    return Saved(result, *write_result(result, out))


def run_all(
    models: Mapping[str, object],
    tasks: Sequence[str],
    inputs: TaskInputs,
    out: Path,
    seed: int = 0,
    notes: Mapping[str, Any] | None = None,
    on_error: Callable[[str, str, Exception], None] | None = None,
    *,
    limit: int | None = None,
    overwrite: bool = False,
    warnings: Callable[[str, TestSet], Sequence[str]] | None = None,
) -> Iterator[Saved]:
    """Scores several models in several tasks; items are made once per task, and finished results are kept.

    Args:
        models: By their names in results; see `run`.
        tasks: Names of tasks.
        inputs: What the tasks make their items of.
        out: Folder for the result files.
        seed: Recorded in the results.
        notes: Stored under `run` in the results.
        on_error: Called with (model, task, error), after which the others go on; None raises the error. A task that
            cannot be prepared fails for every model.
        limit: Only the first so many items; such results show it in `data`, as `found` of `expected`.
        overwrite: Measure again what is there already.
        warnings: Given a model and the items of a task, says what may make its score too good.

    Yields:
        Each result when it is written, or found to be there.
    """
    for task in [find_task(name) for name in dict.fromkeys(tasks)]:
        try:
            test_set = task.prepare(inputs, limit)
        except Exception as error:
            if on_error is None:
                raise
            for name in models:
                on_error(name, task.name, error)
            continue
        for name, model in models.items():
            try:
                found = warnings(name, test_set) if warnings else ()
                yield run(model, name, task, inputs, out, seed, test_set, notes, overwrite=overwrite, warnings=found)
            except Exception as error:  # a model's code may raise anything, and the other models must not suffer
                if on_error is None:
                    raise
                on_error(name, task.name, error)


class _Observed:
    """A scorer that remembers the scores of its last call."""

    def __init__(self, scorer: Scorer) -> None:
        self.scorer = scorer
        self.scores: list[Scores] = []

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        self.scores = self.scorer.score(groups)
        return self.scores


def _measured(model: Any, name: str, task: Task, test_set: TestSet, seed: int) -> tuple[Result, list[str]]:
    """The result, and what the scores show of the model's ability to read and hear."""
    if is_control(name) and isinstance(model, NeedsItems):
        model.prepare(test_set.items)
    if is_control(name) or task.needs_model is not Scorer:
        return task.run(model, name, test_set, seed), []
    observed = _Observed(model)
    result = task.run(observed, name, test_set, seed)
    return result, model.findings if isinstance(model, EmbeddingScorer) else scored_alike(observed.scores)


def _with_warnings(data: Mapping[str, Any], warnings: Sequence[str]) -> dict[str, Any]:
    return {**data, WARNINGS: [*data.get(WARNINGS, ()), *warnings]} if warnings else dict(data)


def _read_existing(path: Path) -> Result | None:
    try:
        return read_result(path) if path.is_file() else None
    except ValueError as error:
        raise ValueError(f"{error}; delete it, or give --overwrite to measure again") from None


def _is_same(existing: Result, expected: Result) -> bool:
    """Whether a result is of the same measurement; what was found by measuring does not count."""
    data = dict(existing.data)
    if known := [warning for warning in data.pop(WARNINGS, ()) if warning not in FINDINGS]:
        data[WARNINGS] = known
    return (existing.task_version, existing.seed, existing.code_version, data) == (
        expected.task_version,
        expected.seed,
        expected.code_version,
        json.loads(json.dumps(expected.data)),
    )


def _is_part(result: Result, whole: Result) -> bool:
    """Whether a result has fewer items of the same data. Where files count, these have another fingerprint."""
    same = all(result.data.get(key) == whole.data.get(key) for key in ("name", "expected"))
    return same and result.task_version == whole.task_version and result.data["found"] < whole.data["found"]
