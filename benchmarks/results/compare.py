"""Compares two models, or two sets of seeds, on the items that both were measured on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.metrics.paired import Difference, mcnemar, paired_difference
from benchmarks.models.names import model_name
from benchmarks.results.result import Result, read_result, read_results
from benchmarks.results.table import aligned
from compa.utils.text import unknown_name

PLACES = (1, 5, 10)
NOTE = """\
A - B: mean over items and its 95 % interval by the paired bootstrap, over recordings where items share them, including
the variance over seeds where there are several. p: exact McNemar test for one seed per side; it assumes independent
items."""


@dataclass(frozen=True)
class Comparison:
    """Two sides in one metric of one task.

    Attributes:
        metric: Its name.
        one: Score of the first side, mean over its seeds.
        other: Score of the second side.
        difference: The first minus the second.
        only_one: Number of items that only the first side wins; None with several seeds, or if the metric is not won
            or lost per item.
        only_other: Number of items that only the second side wins; None likewise.
        p: The p-value of the exact McNemar test; None likewise.
    """

    metric: str
    one: float
    other: float
    difference: Difference
    only_one: int | None = None
    only_other: int | None = None
    p: float | None = None


def compare(one: Sequence[Result], other: Sequence[Result]) -> list[Comparison]:
    """Compares two sides in one task.

    Args:
        one: Results of the first side, one per seed.
        other: Results of the second side.

    Returns:
        One per metric that is known item by item on both sides.

    Raises:
        ValueError: If they differ in version, data or items.
    """
    first = one[0]
    for result in (*one[1:], *other):
        _check(first, result)
    order = [str(item["id"]) for item in first.items]
    sides = [[_by_id(result) for result in side] for side in (one, other)]
    comparisons = []
    for metric in dict.fromkeys(name for item in first.items for name in _outcomes(item)):
        ids = [name for name in order if metric in _outcomes(sides[0][0][name])]
        seeds = [seed for side in sides for seed in side]
        if metric == "ties" or not all(metric in _outcomes(seed[name]) for seed in seeds for name in ids):
            continue
        recordings = [sides[0][0][name].get("sources") or [] for name in ids]
        values = [np.array([[_outcomes(seed[name])[metric] for name in ids] for seed in side]) for side in sides]
        comparisons.append(_compared(metric, values[0], values[1], recordings))
    if not comparisons:
        raise ValueError(f"results of {first.task} have no outcomes per item (`correct`), so they cannot be compared")
    return comparisons


def find_side(name: str, folder: Path | None) -> list[Result]:
    """The results of one side.

    Args:
        name: A result file, a folder of one model's results, or a model in `folder`, named as for `run` or as in its
            results, with `*` for anything; several with commas between them are seeds of one side.
        folder: Folder of results in which models are looked up.

    Raises:
        ValueError: If there is no such result, a folder has several models, or one result is named twice.
    """
    found: dict[Path, Result] = {}
    for part in (part.strip() for part in name.split(",")):
        for path, result in _find(part, folder):
            if path.resolve() in found:
                raise ValueError(f"{path} occurs twice in {name!r}: name each seed once")
            found[path.resolve()] = result
    return list(found.values())


def by_task(results: Iterable[Result]) -> dict[str, list[Result]]:
    """Results by the name of their task."""
    tasks: dict[str, list[Result]] = {}
    for result in results:
        tasks.setdefault(result.task, []).append(result)
    return tasks


def comparison_table(one: Sequence[Result], other: Sequence[Result]) -> str:
    """The result of `compare` as text, with the names of both sides."""
    compared = compare(one, other)
    first = one[0]
    rows = [["metric", "A", "B", "A - B", "only A", "only B", "p"]]
    for each in compared:
        value, low, high = each.difference
        counts = ["-" if count is None else str(count) for count in (each.only_one, each.only_other)]
        p = "-" if each.p is None else f"{each.p:.2g}"
        shown = f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
        rows.append([each.metric, f"{each.one:.3f}", f"{each.other:.3f}", shown, *counts, p])
    data = f" on {first.data['name']}" if "name" in first.data else ""
    title = f"{first.task}{data}, {first.coverage or f'{len(first.items)} items'}"
    return "\n".join([title, f"A: {_names(one)}", f"B: {_names(other)}", *aligned(rows)])


def _compared(
    metric: str, one: NDArray[np.float64], other: NDArray[np.float64], recordings: Sequence[Sequence[str]]
) -> Comparison:
    scores = float(one.mean()), float(other.mean())
    difference = paired_difference(one, other, recordings)
    if len(one) > 1 or len(other) > 1 or not np.isin([one, other], (0, 1)).all():
        return Comparison(metric, *scores, difference)
    only_one, only_other = int((one > other).sum()), int((other > one).sum())
    return Comparison(metric, *scores, difference, only_one, only_other, mcnemar(only_one, only_other))


def _find(part: str, folder: Path | None) -> list[tuple[Path, Result]]:
    path = Path(part)
    if path.is_file():
        return [(path, read_result(path))]
    if folder is None and not path.is_dir():
        raise ValueError(f"{part!r} is not a result file or a folder of results: for a model, give --results DIR")
    where = folder or path
    found = [(where / result.file_name, result) for result in read_results(where)]
    models = sorted({result.model for _, result in found})
    if folder is None:
        if len(models) > 1:
            raise ValueError(f"{path} holds several models ({', '.join(models)}): name one, with --results {path}")
        return found
    name = model_name(part)  # a run folder is found by its own name
    if not (chosen := [one for one in found if fnmatchcase(one[1].model, name)]):
        raise unknown_name("model", name, models)
    return chosen


def _check(first: Result, other: Result) -> None:
    """Raises ValueError if two results are not of the same items."""
    both = f"{first.model} and {other.model} in {first.task}"
    if first.task_version != other.task_version:
        raise ValueError(f"{both} are of versions {first.task_version} and {other.task_version}: run one of them again")
    if first.data["fingerprint"] != other.data["fingerprint"]:
        names = [result.data.get("name", result.data["fingerprint"]) for result in (first, other)]
        raise ValueError(f"{both} were measured on different data ({names[0]} and {names[1]}): run one of them again")
    mine, others = _by_id(first), _by_id(other)
    if mine.keys() != others.keys():
        raise ValueError(f"{both} are of different items ({len(mine)} and {len(others)}): run both on all items")
    for name, item in mine.items():
        for key in ("captions", "recordings"):
            if item.get(key) != others[name].get(key):
                raise ValueError(f"{both} differ in the {key} of item {name}: run one of them again")


def _by_id(result: Result) -> dict[str, Mapping[str, Any]]:
    return {str(item["id"]): item for item in result.items}


def _outcomes(item: Mapping[str, Any]) -> Mapping[str, float]:
    """The outcomes of one item by metric: what it won and, for a clip in retrieval, recall by its ranks."""
    outcomes = dict(item.get("correct") or {})
    ranks = item.get("ranks")
    if isinstance(ranks, dict):
        for k in PLACES:
            found = [rank <= k for rank in ranks["text_to_audio"]]
            outcomes[f"text_to_audio_r{k}"] = sum(found) / len(found)
            outcomes[f"audio_to_text_r{k}"] = ranks["audio_to_text"][0] <= k
    return outcomes


def _names(results: Sequence[Result]) -> str:
    seeds = [f"{result.model} (seed {result.seed})" if len(results) > 1 else result.model for result in results]
    return ", ".join(seeds)
