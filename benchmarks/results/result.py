"""Results: one JSON file per model and task, with the same bytes for the same seed except under `run`."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from benchmarks.metrics.intervals import Interval
from benchmarks.results.schema import Metric, parse
from compa.utils.files import write_whole

_SIGNIFICANT_DIGITS = 6
WARNINGS = "warnings"
"""The key in `data` with sentences about what makes the scores doubtful, such as items the model was trained on."""


@dataclass(frozen=True)
class Result:
    """What one model scored in one task.

    Attributes:
        model: A run folder's own name, or a name with a prefix; never a path.
        task: Name of the task.
        task_version: Scores of different versions are not comparable.
        data: What was measured on; see `schema.Data`.
        seed: Seed of anything random in the run; the items do not depend on it.
        code_version: Version of compa.
        metrics: By name the value, the 95 % interval `low` to `high`, its `method`, and the `chance`.
        items: One record per item; see `schema.ItemRecord`.
        run: What differs from run to run (times, paths), and the model's weights and preprocessing.
    """

    model: str
    task: str
    task_version: int
    data: Mapping[str, Any]
    seed: int
    code_version: str
    metrics: Mapping[str, Metric]
    items: Sequence[Mapping[str, Any]]
    run: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_control(self) -> bool:
        """Whether the model is a control."""
        return self.model.startswith("control:")

    @property
    def warnings(self) -> list[str]:
        """Sentences about what makes the scores doubtful."""
        return list(self.data.get(WARNINGS, ()))

    @property
    def coverage(self) -> str:
        """How many items were measured if not all; else empty."""
        found, expected = self.data["found"], self.data["expected"]
        return "" if found == expected else f"{found} of {expected} items"

    @property
    def file_name(self) -> str:
        """Follows from model and task; different models have different names.

        Example:
            >>> Result("control:random", "scenes-order", 1, {}, 0, "", {}, []).file_name
            'control~random--scenes-order.json'
        """
        return f"{quote(self.model, safe='@=+').replace('%3A', '~')}--{self.task}.json"

    def to_json(self) -> str:
        """The record with one key per line and one item per line, so that `diff` compares two files well."""
        lines = []
        for key in (item.name for item in dataclasses.fields(self)):
            value = getattr(self, key)
            if key == "items":
                items = ",\n".join("    " + _dumps(item) for item in value)
                lines.append(f'  "items": [\n{items}\n  ]')
            else:
                lines.append(f"  {_dumps(key)}: {_dumps(value)}")
        return "{\n" + ",\n".join(lines) + "\n}\n"


def metric(value: float, interval: Interval, chance: float) -> Metric:
    """A metric as results hold it."""
    low, high, method = interval
    return {
        "value": float(value),
        "low": rounded(low),
        "high": rounded(high),
        "chance": float(chance),
        "method": method,
    }


def rounded(value: float) -> float:
    """A number at the precision of results.

    Example:
        >>> rounded(0.123456789)
        0.123457
    """
    return float(f"{value:.{_SIGNIFICANT_DIGITS}g}")


def write_result(result: Result, folder: Path) -> tuple[Path, bool]:
    """Writes a result into a folder; the file appears only when it is complete.

    Returns:
        The file, and whether it replaced an earlier result of the same model and task.
    """
    make_folder(folder)
    path = folder / result.file_name
    replaced = path.exists()
    write_whole(path, result.to_json().encode())
    return path, replaced


def make_folder(folder: Path) -> None:
    """Makes the folder for results if it is missing.

    Raises:
        ValueError: If a file has that name.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"results need a folder, but {folder} is a file: choose another --out")
    folder.mkdir(parents=True, exist_ok=True)


def read_result(path: Path) -> Result:
    """Reads a result file.

    Raises:
        ValueError: If it is not a valid result; names the file and what is missing or wrong.
    """
    try:
        record, flaws = parse(path)
    except ValueError as error:
        raise ValueError(f"{path} is not a result: not JSON ({error})") from None
    if flaws:
        raise ValueError(f"{path} is not a result: {flaws[0]}")
    return Result(**record)


def read_results(folder: Path) -> list[Result]:
    """Reads all results of a folder, sorted by task and model.

    Raises:
        ValueError: If there is none, a file is not a result, or two are of different versions of one task.
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
                "scores of different versions are not comparable, run one of them again"
            )
        results.append(result)
    return sorted(results, key=lambda result: (result.task, result.model))


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)
