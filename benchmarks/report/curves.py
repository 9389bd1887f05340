"""Training curves, read from the CSV files that runs log their metrics to."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

FILE_NAME = "metrics.csv"
MAX_CHARTS = 4
MAX_POINTS = 80
_FIRST = ("loss", "group")
_NOT_METRICS = ("epoch", "step", "lr")

Points = list[tuple[float, float]]


@dataclass(frozen=True)
class Chart:
    """One metric over training steps, one line a run.

    Attributes:
        metric: Name of the metric.
        lines: The (step, value) points of each run, by its name.
        low: Lower end of the value axis.
        high: Upper end of the value axis.
        last_step: Right end of the step axis, which starts at 0.
    """

    metric: str
    lines: Mapping[str, Points]
    low: float
    high: float
    last_step: float


def charts(runs: Sequence[Path]) -> list[Chart]:
    """Makes charts of at most `MAX_CHARTS` metrics: losses first, then group scores, then others.

    Args:
        runs: Run folders with a `metrics.csv` in them or below; runs without one are left out.
    """
    by_metric: defaultdict[str, dict[str, Points]] = defaultdict(dict)
    for run in runs:
        for metric, points in read_metrics(run).items():
            by_metric[metric][run.resolve().name] = thinned(points)
    names = sorted(by_metric, key=lambda name: (*(word not in name for word in _FIRST), name))
    return [_chart(name, by_metric[name]) for name in names[:MAX_CHARTS]]


def read_metrics(run: Path) -> dict[str, Points]:
    """Reads the (step, value) points of every metric that was logged at least twice, in order of steps.

    Raises:
        ValueError: If the folder does not exist, or its file has no column `step`.
    """
    if not run.is_dir():
        raise ValueError(f"run folder {run} does not exist")
    path = next(iter(sorted(run.rglob(FILE_NAME))), None)
    if path is None:
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if "step" not in (reader.fieldnames or ()):
            raise ValueError(f"{path} has no column 'step'; it is not a log of training metrics")
        points: defaultdict[str, Points] = defaultdict(list)
        for row in reader:
            step = _number(row.pop("step"))
            for metric, text in row.items():
                value = _number(text)
                if step is not None and value is not None and not str(metric).startswith(_NOT_METRICS):
                    points[metric].append((step, value))
    return {metric: sorted(some) for metric, some in points.items() if len(some) > 1}


def thinned(points: Points) -> Points:
    """Reduces points to at most `MAX_POINTS`, each the mean of neighboring points.

    Example:
        >>> thinned([(float(step), float(step % 2)) for step in range(160)])[:2]
        [(0.5, 0.5), (2.5, 0.5)]
    """
    size = math.ceil(len(points) / MAX_POINTS)
    chunks = [points[start : start + size] for start in range(0, len(points), size)]
    return [(sum(x for x, _ in chunk) / len(chunk), sum(y for _, y in chunk) / len(chunk)) for chunk in chunks]


def _chart(metric: str, lines: dict[str, Points]) -> Chart:
    values = [value for points in lines.values() for _, value in points]
    low, high = min(values), max(values)
    if low >= 0 and high <= 1:
        low, high = 0.0, 1.0
    else:
        low, high = -_ceiling(-low), _ceiling(high)
    return Chart(
        metric,
        dict(sorted(lines.items())),
        low,
        high,
        max(step for points in lines.values() for step, _ in points),
    )


def _ceiling(value: float) -> float:
    """The next round number, as the end of an axis; 0 for a negative value."""
    if value <= 0:
        return 0.0
    unit = 10.0 ** math.floor(math.log10(value))
    return next(step * unit for step in (1, 2, 3, 4, 5, 6, 8, 10) if step * unit >= value * (1 - 1e-9))


def _number(text: object) -> float | None:
    """The finite number in a cell; None where there is none."""
    try:
        value = float(str(text))
    except ValueError:
        return None
    return value if math.isfinite(value) else None
