"""Runs tasks on models and keeps what they score."""

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
from benchmarks.results.result import WARNINGS, Result, read_result, write_result
from benchmarks.scorer import CONTROL, Scorer, Told
from benchmarks.tasks import Material, Task, TestSet, find_task

FINGERPRINT = "model_fingerprint"
"""Where under `run` a result says of which weights it is."""
PREPROCESSING = "preprocessing"
"""Where under `run` a result says what happened to audio before the model heard it, such as how clips were padded."""


@dataclass(frozen=True)
class Saved:
    """A result and the file that holds it.

    Attributes:
        result: What was scored.
        path: Its file.
        replaced: Whether that file replaced an earlier one.
        kept: Whether it was there already, and nothing was measured.
    """

    result: Result
    path: Path
    replaced: bool
    kept: bool = False


def run(
    scorer: Scorer,
    model: str,
    task: str | Task,
    material: Material,
    out: Path,
    seed: int = 0,
    test_set: TestSet | None = None,
    notes: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
    warnings: Sequence[str] = (),
) -> Saved:
    """Scores one model in one task and writes the result, or finds it written.

    A result that is there is kept where it is of the same task version, data, seed and code version, and of a model
    with the same fingerprint. A scorer without one may be another each time: it is always measured anew.

    Args:
        scorer: The model.
        model: Its name in the result: a run folder's own name or `control:<name>`.
        task: A task or its name.
        material: What the task makes its items of.
        out: Folder for the result file.
        seed: Recorded in the result; the items do not depend on it.
        test_set: From the task's `prepare`, to save rendering the same items for every model.
        notes: Kept under `run` in the result, beside the times: paths, the device.
        overwrite: Measure anew in any case, and let a result of fewer items replace one of more.
        warnings: What may make the score too good, recorded in the result's `data`.

    Raises:
        ValueError: If the task is unknown, the scores are unusable, or a result of more items would be lost.
    """
    task = find_task(task) if isinstance(task, str) else task
    test_set = test_set or task.prepare(material)
    fingerprint = _fingerprint(scorer, model)
    data: dict[str, Any] = dict(test_set.data)
    if warnings:
        data[WARNINGS] = [*data.get(WARNINGS, ()), *warnings]
    blank = Result(model, task.name, task.version, data, seed, compa.__version__, {}, [])
    path = out / blank.file_name
    there = None if overwrite else _found(path)
    if there and fingerprint and _same(there, blank) and there.run.get(FINGERPRINT) == fingerprint:
        return Saved(there, path, replaced=False, kept=True)
    if there and _is_part(blank, there):
        raise ValueError(
            f"{path} is of {there.data['found']} items, and this would be of {blank.data['found']}: "
            "give another --out, or --overwrite to lose it"
        )
    started, clock = datetime.now(UTC), time.perf_counter()
    if model.startswith(CONTROL) and isinstance(scorer, Told):
        scorer.tell(test_set.items)
    result = task.run(scorer, model, test_set, seed)
    seconds = round(time.perf_counter() - clock, 3)
    record: dict[str, Any] = {
        "started": started.isoformat(timespec="seconds"),
        "seconds": seconds,
        FINGERPRINT: fingerprint,
    }
    if isinstance(preprocessing := getattr(scorer, PREPROCESSING, None), Mapping):
        record[PREPROCESSING] = preprocessing
    result = dataclasses.replace(result, data=data, run=record | dict(notes or {}))
    return Saved(result, *write_result(result, out))


def run_all(
    scorers: Mapping[str, Scorer],
    tasks: Sequence[str],
    material: Material,
    out: Path,
    seed: int = 0,
    notes: Mapping[str, Any] | None = None,
    on_error: Callable[[str, str, Exception], None] | None = None,
    *,
    limit: int | None = None,
    overwrite: bool = False,
    warnings: Callable[[str, TestSet], Sequence[str]] | None = None,
) -> Iterator[Saved]:
    """Scores several models in several tasks; items are made once a task, and what is done is kept.

    Args:
        scorers: The models by their names in results.
        tasks: Names of tasks.
        material: What the tasks make their items of.
        out: Folder for the result files.
        seed: Recorded in the results.
        notes: Kept under `run` in the results.
        on_error: Told of a (model, task, error), then the others go on; None raises it. A task that cannot be
            prepared fails for every model.
        limit: Only the first so many items; such results say so in `data`, as `found` of `expected`.
        overwrite: Measure anew what is there already.
        warnings: Says of a model and the items of a task what may make its score too good.

    Yields:
        Each result as it is written, or found written.
    """
    for task in [find_task(name) for name in dict.fromkeys(tasks)]:
        try:
            test_set = task.prepare(material, limit)
        except Exception as error:
            if on_error is None:
                raise
            for model in scorers:
                on_error(model, task.name, error)
            continue
        for model, scorer in scorers.items():
            try:
                said = warnings(model, test_set) if warnings else ()
                yield run(scorer, model, task, material, out, seed, test_set, notes, overwrite=overwrite, warnings=said)
            except Exception as error:  # whatever a model does: the others are not to blame
                if on_error is None:
                    raise
                on_error(model, task.name, error)


def _found(path: Path) -> Result | None:
    """The result that is there already, if there is one."""
    try:
        return read_result(path) if path.is_file() else None
    except ValueError as error:
        raise ValueError(f"{error}; delete it, or give --overwrite to measure anew") from None


def _fingerprint(scorer: Scorer, model: str) -> str | None:
    return model if model.startswith(CONTROL) else getattr(scorer, "fingerprint", None)


def _same(there: Result, blank: Result) -> bool:
    return _comparable(there, blank) and all(
        getattr(there, key) == json.loads(json.dumps(getattr(blank, key))) for key in ("data", "seed", "code_version")
    )


def _is_part(result: Result, whole: Result) -> bool:
    """Whether a result is of fewer items of the same data; that has another fingerprint where files count in it."""
    same = all(result.data.get(key) == whole.data.get(key) for key in ("name", "expected"))
    return same and result.task_version == whole.task_version and result.data["found"] < whole.data["found"]


def _comparable(there: Result, blank: Result) -> bool:
    return there.task_version == blank.task_version and there.data["fingerprint"] == blank.data["fingerprint"]
