"""Checks of result files: their form, and whether their numbers agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from benchmarks.results.result import Result
from benchmarks.results.schema import parse

NUM_SHOWN = 5
_ROUNDING = 1e-5


def flaws(path: Path) -> list[str]:
    """What is wrong with a result file, one sentence each and at most the first few; empty for a valid one."""
    try:
        record, found = parse(path)
    except (OSError, ValueError) as error:
        return [f"not JSON ({error})"]
    found = found or list(_inconsistencies(record, path))
    return found if len(found) <= NUM_SHOWN else [*found[:NUM_SHOWN], f"and {len(found) - NUM_SHOWN} more flaws"]


def result_files(paths: Iterable[Path]) -> list[Path]:
    """The named files, and those in the named folders.

    Raises:
        ValueError: If there is none.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.json")) if path.is_dir() else [path] if path.is_file() else []
        if not found:
            raise ValueError(f"no results (*.json) at {path}: `compa bench run ... --out {path}` writes some")
        files += found
    return files


def _inconsistencies(record: Mapping[str, Any], path: Path) -> Iterator[str]:
    result = Result(**record)
    if path.name != result.file_name:
        yield f"the file must be named {result.file_name} after its model and task; got {path.name}"
    found, expected = result.data["found"], result.data["expected"]
    if found > expected:
        yield f"data: found must not exceed expected; got {found} and {expected}"
    if not result.metrics:
        yield "metrics: there must be at least one"
    for name, count in Counter(item["id"] for item in result.items).items():
        if count > 1:
            yield f"items: {count} have the id {name!r}"
    for name, metric in result.metrics.items():
        if not metric["low"] - _ROUNDING <= metric["value"] <= metric["high"] + _ROUNDING:
            yield f"metrics.{name}: the value {metric['value']} is not between low and high"
        outcomes = [item["correct"][name] for item in result.items if name in item.get("correct", {})]
        if len(outcomes) == len(result.items) == found and all(isinstance(won, bool) for won in outcomes):
            mean = sum(outcomes) / len(outcomes)
            if abs(mean - metric["value"]) > _ROUNDING * max(1.0, abs(mean)):
                yield f"metrics.{name}: the value is {metric['value']}, but the mean over the items is {mean:.6g}"
