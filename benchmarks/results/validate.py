"""`compa bench validate`: result files against the schema that is shipped, and against what no schema can say."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.models.names import did_you_mean
from benchmarks.results.result import Result

SCHEMA = Path(__file__).with_name("result.schema.json")
NUM_SHOWN = 5
_ROUNDING = 1e-5


def flaws(path: Path) -> list[str]:
    """What is wrong with a result file, one sentence each and the first few of many; empty where nothing is."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse)
    except (OSError, ValueError) as error:
        return [f"not JSON ({error})"]
    found = list(_against_schema(record)) or list(_inconsistencies(record, path))
    return found if len(found) <= NUM_SHOWN else [*found[:NUM_SHOWN], f"and {len(found) - NUM_SHOWN} more flaws"]


def result_files(paths: Iterable[Path]) -> list[Path]:
    """The files that are named, and those in the folders that are.

    Raises:
        ValueError: If there is none.
    """
    files: list[Path] = []
    for path in paths:
        found = sorted(path.glob("*.json")) if path.is_dir() else [path] if path.is_file() else []
        if not found:
            raise ValueError(f"there are no results (*.json) at {path}: `compa bench run ... --out {path}` writes some")
        files += found
    return files


@cache
def _validator() -> Any:
    from jsonschema import Draft202012Validator

    return Draft202012Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))


def _against_schema(record: Any) -> Iterator[str]:
    for error in sorted(_validator().iter_errors(record), key=lambda error: list(map(str, error.absolute_path))):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        yield f"{where.lstrip('.') or 'the record'}: {_words(error)}"


def _words(error: Any) -> str:
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        known = error.schema["properties"]
        unknown = sorted(set(error.instance) - set(known))[0]
        return f"unknown key {unknown!r}{did_you_mean(unknown, known)}"
    message = str(error.message)
    return message if len(message) <= 200 else f"{message[:197]}..."


def _inconsistencies(record: Mapping[str, Any], path: Path) -> Iterator[str]:
    result = Result(**record)
    if path.name != result.file_name:
        yield f"model and task make the file name {result.file_name}"
    found, expected = result.data["found"], result.data["expected"]
    if found > expected:
        yield f"data: {found} items are found of {expected} that are expected"
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


def _refuse(name: str) -> None:
    raise ValueError(f"{name} is no number in JSON")
