"""Results: one JSON file a (model, task), the same bytes for the same seed but for what is under `run`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from compa.utils.files import write_whole

_SIGNIFICANT_DIGITS = 6
_METRIC_KEYS = ("value", "low", "high", "chance", "method")
_DATA_KEYS = ("fingerprint", "found", "expected")
WARNINGS = "warnings"
"""Where `data` says what may make a score too good, such as items that the model was trained on: sentences."""


@dataclass(frozen=True)
class Result:
    """What one model scored in one task.

    Attributes:
        model: A run folder's own name or `control:<name>`, never a path.
        task: Name of the task.
        task_version: Scores of two versions are not comparable.
        data: What it was measured on: `name`, `fingerprint`, the number of items `found` and `expected`, and
            `warnings` where there are any.
        seed: Of whatever draws in the run; the items do not depend on it.
        code_version: Version of compa that measured.
        metrics: For each name the `value`, the 95 % interval `low` to `high`, its `method`, the `chance`.
        items: One record an item: ids of its audio, captions, labels, scores, and what it won.
        run: Times and paths, which differ from run to run, and weights and preprocessing of the model.
    """

    model: str
    task: str
    task_version: int
    data: Mapping[str, Any]
    seed: int
    code_version: str
    metrics: Mapping[str, Mapping[str, Any]]
    items: Sequence[Mapping[str, Any]]
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_control(self) -> bool:
        """Whether the model is a rule that is there for comparison only."""
        return self.model.startswith("control:")

    @property
    def coverage(self) -> str:
        """How many items were measured, where that is not all of them; else empty."""
        found, expected = self.data["found"], self.data["expected"]
        return "" if found == expected else f"{found} of {expected} items"

    @property
    def file_name(self) -> str:
        """Follows from model and task; no two models share one.

        Example:
            >>> Result("control:random", "scenes-order", 1, {}, 0, "", {}, []).file_name
            'control~random--scenes-order.json'
        """
        return f"{quote(self.model, safe='@=+').replace('%3A', '~')}--{self.task}.json"

    def to_json(self) -> str:
        """The record, one key a line and one item a line, so that two files can be compared with `diff`."""
        head = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        lines = []
        for key, value in head.items():
            if key == "items":
                items = ",\n".join("    " + _dumps(item) for item in value)
                lines.append(f'  "items": [\n{items}\n  ]')
            else:
                lines.append(f"  {_dumps(key)}: {_dumps(value)}")
        return "{\n" + ",\n".join(lines) + "\n}\n"


def write_result(result: Result, folder: Path) -> tuple[Path, bool]:
    """Writes a result into a folder; the file appears only when it is whole.

    Returns:
        The file, and whether it replaced an earlier result of the same model and task.
    """
    make_folder(folder)
    path = folder / result.file_name
    replaced = path.exists()
    write_whole(path, result.to_json().encode())
    return path, replaced


def make_folder(folder: Path) -> None:
    """Makes the folder for results where it is not there.

    Raises:
        ValueError: If a file has that name.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"results go into a folder, but {folder} is a file: name another one")
    folder.mkdir(parents=True, exist_ok=True)


def read_result(path: Path) -> Result:
    """Reads one result file.

    Raises:
        ValueError: If it is no result, naming the file and what is missing or wrong.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is no result: not JSON ({error})") from None
    try:
        return _parse(record)
    except ValueError as error:
        raise ValueError(f"{path} is no result: {error}") from None


def read_results(folder: Path) -> list[Result]:
    """Reads all results of a folder, by task and then by model.

    Raises:
        ValueError: If there is none, if a file is no result, or if two are of different versions of one task.
    """
    paths = sorted(folder.glob("*.json")) if folder.is_dir() else []
    if not paths:
        raise ValueError(f"no results (*.json) in {folder}: `compa bench run ... --out {folder}` writes some")
    versions: dict[str, tuple[int, Path]] = {}
    results = []
    for path in paths:
        try:
            result = read_result(path)
        except ValueError as error:
            raise ValueError(f"{error}; remove it from the folder of results") from None
        version, earlier = versions.setdefault(result.task, (result.task_version, path))
        if version != result.task_version:
            raise ValueError(
                f"{path} is of {result.task} version {result.task_version}, {earlier} of version {version}: "
                "scores of two versions cannot stand in one table, run one of them again"
            )
        results.append(result)
    return sorted(results, key=lambda result: (result.task, result.model))


def rounded(value: float) -> float:
    """A number at the precision that results are kept in.

    Example:
        >>> rounded(0.123456789)
        0.123457
    """
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _parse(record: Any) -> Result:
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    fields = {item.name: item for item in dataclasses.fields(Result)}
    _require("it", record, (name for name in fields if name != "run"))
    if extra := sorted(set(record) - set(fields)):
        raise ValueError(f"unknown key {extra[0]!r} (known: {', '.join(fields)})")
    kinds = {"model": str, "task": str, "task_version": int, "data": dict, "seed": int, "code_version": str}
    for key, kind in (kinds | {"metrics": dict, "items": list, "run": dict}).items():
        if not isinstance(record.get(key, {}), kind):
            raise ValueError(f"{key} must be of type {kind.__name__}, not {record[key]!r}")
    _require("data", record["data"], _DATA_KEYS)
    for name, metric in record["metrics"].items():
        if not isinstance(metric, dict):
            raise ValueError(f"metric {name!r} must be a JSON object, not {metric!r}")
        _require(f"metric {name!r}", metric, _METRIC_KEYS)
        for key in _METRIC_KEYS[:-1]:
            if not isinstance(metric[key], int | float):
                raise ValueError(f"metric {name!r}: {key} must be a number, not {metric[key]!r}")
    return Result(**record)


def _require(where: str, record: Mapping[str, Any], keys: Iterable[str]) -> None:
    if missing := [key for key in keys if key not in record]:
        raise ValueError(f"{where} lacks {', '.join(missing)}")
