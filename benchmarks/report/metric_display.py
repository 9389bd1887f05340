"""How a metric is called, written and drawn, whether this version of compa knows it or not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.results.result import Result
from benchmarks.results.table import BESIDE

TIES = "ties"
"""A metric that says something of the others, and is told as a note."""
_RANK = "median_rank"
_NAME = re.compile(r"(?:(text_to_audio|audio_to_text)_)?(.+?)(?:_(distractors|triplets))?")
_KNOWN = {r"^r(\d+)$": r"R@\1", r"^map(\d+)$": r"mAP@\1", r"^map$": "mAP", "auc$": "AUC"}


@dataclass(frozen=True)
class Measure:
    """A metric and the axis that all its values fit on.

    Attributes:
        name: As in result files.
        low: Left end of the axis.
        high: Right end of the axis.
        chance: What the first result says that chance gives.
        lower_is_better: Whether small values are good, as for ranks.
    """

    name: str
    low: float
    high: float
    chance: float
    lower_is_better: bool

    @property
    def table(self) -> str:
        """The table that it stands in, by direction and protocol; empty for what has neither.

        Example:
            >>> Measure("audio_to_text_r1_distractors", 0, 1, 0, False).table
            'Audio to text, with distractors'
        """
        direction, _, protocol = _split(self.name)
        parts = (direction.replace("_", " "), f"with {protocol}" if protocol else "")
        return _capital(", ".join(filter(None, parts)))

    @property
    def column(self) -> str:
        """What it is called there.

        Example:
            >>> Measure("audio_to_text_r1_distractors", 0, 1, 0, False).column
            'R@1'
        """
        _, plain, _ = _split(self.name)
        for pattern, words in _KNOWN.items():
            plain = re.sub(pattern, words, plain)
        return plain if plain.startswith("mAP") else _capital(plain.replace("_", " "))

    @property
    def title(self) -> str:
        """What it is called elsewhere."""
        return f"{self.column}, {self.table.lower()}" if self.table else self.column

    def text(self, value: float) -> str:
        """A value of it: three decimals of a fraction, four digits of anything else.

        Example:
            >>> Measure("group", 0, 1, 0.1667, False).text(0.84), Measure("median_rank", 0, 50, 25, True).text(12.5)
            ('0.840', '12.5')
        """
        is_fraction = (self.low, self.high) == (0, 1) and not self.lower_is_better
        return (f"{value:.3f}" if is_fraction else f"{value:.4g}").replace("-", "−")

    def percent(self, value: float) -> str:
        """Where a value lies on the axis, for SVG and CSS."""
        share = (value - self.low) / (self.high - self.low)
        return f"{100 * min(max(share, 0), 1):.2f}%"


def measures(results: Sequence[Result]) -> list[Measure]:
    """The metrics that some of the results have, in the order of the files.

    `ties`, what is of the items themselves, and what is of one kind of item only stand elsewhere.
    """
    kinds = {str(item["kind"]) for result in results for item in result.items if item.get("kind") is not None}
    ends = tuple(mark + kind for kind in kinds for mark in ":_")
    names = dict.fromkeys(name for result in results for name in result.metrics)
    return [measure(name, results) for name in names if name not in (TIES, *BESIDE) and not name.endswith(ends)]


def measure(name: str, results: Sequence[Result]) -> Measure:
    """A metric that some of the results have."""
    metrics = [result.metrics[name] for result in results if name in result.metrics]
    values = [float(metric[key]) for metric in metrics for key in ("value", "low", "high", "chance")]
    low, high = min(0.0, *values), max(1.0, *values)
    lower_is_better = _RANK in name or any(metric.get("better") == "lower" for metric in metrics)
    return Measure(name, low, high, float(metrics[0]["chance"]), lower_is_better)


def _split(name: str) -> tuple[str, str, str]:
    """Direction, plain name and protocol, empty where there is none."""
    found = _NAME.fullmatch(name)
    direction, plain, protocol = found.groups(default="") if found else ("", name, "")
    return direction, plain, protocol


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
