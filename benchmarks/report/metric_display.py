"""How a metric is named, formatted and drawn, including metrics that this version of compa does not know."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results.result import Result
from benchmarks.results.table import BESIDE

TIES = "ties"
"""The fraction of tied items; the report gives it as a note beside a model's name."""
_RANK = "median_rank"
_NAME = re.compile(r"(?:(text_to_audio|audio_to_text)_)?(.+?)(?:_(distractors|triplets))?")
_KNOWN = {r"^r(\d+)$": r"R@\1", r"^map(\d+)$": r"mAP@\1", r"^map$": "mAP", "auc$": "AUC"}


@dataclass(frozen=True)
class MetricDisplay:
    """A metric and an axis that holds all of its values.

    Attributes:
        name: Name in result files.
        low: Left end of the axis.
        high: Right end of the axis.
        chance: Chance value, as the first result gives it.
        lower_is_better: Whether small values are good, as for ranks.
    """

    name: str
    low: float
    high: float
    chance: float
    lower_is_better: bool

    @property
    def table(self) -> str:
        """Title of the table it belongs to, by direction and protocol; empty where it has neither.

        Example:
            >>> MetricDisplay("audio_to_text_r1_distractors", 0, 1, 0, False).table
            'Audio to text, with distractors'
        """
        direction, _, protocol = _split(self.name)
        parts = (direction.replace("_", " "), f"with {protocol}" if protocol else "")
        return _capitalized(", ".join(filter(None, parts)))

    @property
    def column(self) -> str:
        """Title of its column in that table.

        Example:
            >>> MetricDisplay("audio_to_text_r1_distractors", 0, 1, 0, False).column
            'R@1'
        """
        _, plain, _ = _split(self.name)
        for pattern, title in _KNOWN.items():
            plain = re.sub(pattern, title, plain)
        return plain if plain.startswith("mAP") else _capitalized(plain.replace("_", " "))

    @property
    def title(self) -> str:
        """Its full title, for use outside of that table."""
        return f"{self.column}, {self.table.lower()}" if self.table else self.column

    def format(self, value: float) -> str:
        """Formats a value: three decimals for a fraction, four significant digits for anything else.

        Example:
            >>> group = MetricDisplay("group", 0, 1, 0.1667, False)
            >>> group.format(0.84), MetricDisplay("median_rank", 0, 50, 25, True).format(12.5)
            ('0.840', '12.5')
        """
        is_fraction = (self.low, self.high) == (0, 1) and not self.lower_is_better
        return (f"{value:.3f}" if is_fraction else f"{value:.4g}").replace("-", "−")

    def fraction(self, value: float) -> float:
        """Position of a value on the axis: 0 at its left end, 1 at its right end."""
        return min(max((value - self.low) / (self.high - self.low), 0), 1)

    def percent(self, value: float) -> str:
        """Position of a value on the axis, as SVG and CSS write it."""
        return f"{100 * self.fraction(value):.2f}%"


def displayed_metrics(results: Sequence[Result]) -> list[MetricDisplay]:
    """The metrics that have a column: those that any result has, in the order of the files.

    Left out are `ties`, metrics of the items themselves, and metrics of a single kind of item: the report shows these
    elsewhere.
    """
    kinds = {str(item["kind"]) for result in results for item in result.items if item.get("kind") is not None}
    endings = tuple(mark + kind for kind in kinds for mark in ":_")
    names = dict.fromkeys(name for result in results for name in result.metrics)
    shown = [name for name in names if name not in (TIES, *BESIDE) and not name.endswith(endings)]
    return [metric_display(name, results) for name in shown]


def metric_display(name: str, results: Sequence[Result]) -> MetricDisplay:
    """Describes a metric that at least one of the results has."""
    metrics = [result.metrics[name] for result in results if name in result.metrics]
    values = [float(metric[key]) for metric in metrics for key in ("value", "low", "high", "chance")]
    low, high = min(0.0, *values), max(1.0, *values)
    lower_is_better = _RANK in name or any(metric.get("better") == "lower" for metric in metrics)
    return MetricDisplay(name, low, high, float(metrics[0]["chance"]), lower_is_better)


def _split(name: str) -> tuple[str, str, str]:
    """Splits a name into direction, plain name and protocol, each empty where it is missing."""
    found = _NAME.fullmatch(name)
    direction, plain, protocol = found.groups(default="") if found else ("", name, "")
    return direction, plain, protocol


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
