"""Examples to listen to: the items that the best model of each task wins or loses by most, rendered anew."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.items import Credit, Item
from benchmarks.report.sound import MEDIA_TYPE, encode, read_waveforms
from benchmarks.report.spectrogram import frequency_position, spectrogram_pngs
from benchmarks.report.task_results import TaskResults
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs

MAX_ITEMS = 8
NUM_EACH = 2
"""How many of the worst items and how many of the best items of a task are shown at most."""
_TICKS_HERTZ = (100, 1000, 4000, 10000)


@dataclass(frozen=True)
class ExampleClip:
    """One audio of an item.

    Attributes:
        captions: The captions that are true of it; its labels where the item has no captions.
        audio: The sound, as a data URI.
        picture: Its spectrogram, as a data URI.
        seconds: Its length.
        tracks: Each label with its events.
        ticks: Labels of the frequency axis with their positions (0 at the bottom, 1 at the top).
    """

    captions: Sequence[str]
    audio: str
    picture: str
    seconds: float
    tracks: Sequence[tuple[str, Sequence[Any]]]
    ticks: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Example:
    """An item with its sounds.

    Attributes:
        id: The item's id.
        reason: Why it was selected.
        clips: The audio of the item.
        records: Each model's name with its record of the item.
        credits: Authors and licences of the recordings.
    """

    id: str
    reason: str
    clips: Sequence[ExampleClip]
    records: Sequence[tuple[str, Mapping[str, Any]]]
    credits: Sequence[Credit]


def render_examples(
    tasks: Sequence[TaskResults], inputs: TaskInputs | None, warn: Callable[[str], None]
) -> list[tuple[TaskResults, list[Example]]]:
    """Renders the worst and best items of each task.

    Result files hold no sounds, so the tasks prepare their items again. A task is left out, with a warning, if its
    files are missing or differ from those that the models were measured on.

    Args:
        tasks: The results.
        inputs: What to prepare the items from; where it says nothing, what the result files note under `run`.
        warn: Called with one sentence for each task that is left out.
    """
    prepared: dict[tuple[tuple[str, Any], ...], TaskInputs] = {}
    found = []
    for task, reasons in zip(tasks, select_items(tasks), strict=True):
        if not reasons:
            continue
        fields = _input_fields(task, inputs)
        task_inputs = prepared.setdefault(tuple(fields.items()), TaskInputs(**fields))  # a bank is opened only once
        try:
            found.append((task, _examples(task, task_inputs, reasons)))
        except (ValueError, OSError) as error:
            warn(f"the page has no examples of {task.title}: {error}; pass the --events or --data it was measured on")
    return found


def select_items(tasks: Sequence[TaskResults]) -> list[dict[str, str]]:
    """Selects at most `MAX_ITEMS` items, tasks taking turns: for each task the ids with reasons, worst ones first."""
    queues = [_candidates(task) for task in tasks]
    turns = chain.from_iterable(zip_longest(*([(i, pick) for pick in queue] for i, queue in enumerate(queues))))
    chosen = [turn for turn in turns if turn is not None][:MAX_ITEMS]
    return [{item: reason for i, (_, item, reason) in sorted(chosen) if i == number} for number in range(len(tasks))]


def item_score(item: Mapping[str, Any]) -> float | None:
    """How well a model does on an item: its margin, or minus its mean rank; None where it has neither.

    Example:
        >>> ranks = {"text_to_audio": [1, 4], "audio_to_text": [1]}
        >>> item_score({"scores": [[3, 1], [0, 2]]}), item_score({"ranks": ranks})
        (1.0, -2.0)
    """
    found = item.get("ranks")
    ranks = [rank for some in found.values() for rank in some] if isinstance(found, Mapping) else found
    return -sum(ranks) / len(ranks) if ranks else margin(item)


def margin(item: Mapping[str, Any]) -> float | None:
    """The smallest lead of a true score over a false score in its row or column; the group is won if it is above 0.

    Args:
        item: An item of a result file.

    Returns:
        The margin, or None where the item has no square matrix of scores, with the true ones on its diagonal.

    Example:
        >>> margin({"scores": [[0.75, 0.5], [0.25, 0.625]]}), margin({"scores": [[1, 1], [0, 1]]}), margin({})
        (0.125, 0.0, None)
    """
    try:
        scores = np.asarray(item["scores"], dtype=np.float64)
    except (KeyError, TypeError, ValueError):
        return None
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        return None
    true = np.diagonal(scores)
    false = ~np.eye(len(scores), dtype=bool)
    return float(min((true[:, None] - scores)[false].min(), (true[None, :] - scores)[false].min()))


def _candidates(task: TaskResults) -> list[tuple[int, str, str]]:
    """(place on the page, item, reason) in the order of interest: the worst, the best, the second worst, ..."""
    scores = {str(item.get("id")): item_score(item) for item in task.best.items}
    by_item = {name: value for name, value in scores.items() if value is not None}
    order = sorted(by_item, key=lambda name: (by_item[name], name))
    num_worst = min(NUM_EACH, (len(order) + 1) // 2)
    worst, best = order[:num_worst], order[num_worst:][-NUM_EACH:][::-1]
    model = task.best.model
    picks = [
        *((place, name, f"{_ordinal(place)}worst of {model}") for place, name in enumerate(worst)),
        *((NUM_EACH + place, name, f"{_ordinal(place)}best of {model}") for place, name in enumerate(best)),
    ]
    return sorted(picks, key=lambda pick: (pick[0] % NUM_EACH, pick[0]))


def _ordinal(number: int) -> str:
    return "" if number == 0 else "second " if number == 1 else f"{number + 1}th "


def _input_fields(task: TaskResults, inputs: TaskInputs | None) -> dict[str, Any]:
    """The fields of a task's inputs: those given, else those that a result file notes."""
    fields = {}
    for field in dataclasses.fields(TaskInputs):
        noted = next((r.run[field.name] for r in task.results if r.run.get(field.name)), None)
        if noted is not None and field.name != "events":
            noted = Path(noted)
        given = getattr(inputs, field.name, None)
        fields[field.name] = noted if given is None else given
    return fields


def _examples(results: TaskResults, inputs: TaskInputs, reasons: Mapping[str, str]) -> list[Example]:
    """Renders the selected items of a task.

    Raises:
        ValueError: If they cannot be prepared, or differ from those that were measured.
    """
    task = find_task(results.name)
    if task.version != results.version:
        raise ValueError(f"the results are of version {results.version}, this compa has version {task.version}")
    test_set = task.prepare(inputs, limit=max(int(result.data["found"]) for result in results.results))
    if (fingerprint := str(test_set.data["fingerprint"])) != results.fingerprint:
        raise ValueError(f"the models were measured on other data ({results.fingerprint}; these are {fingerprint})")
    items = {item.id: item for item in test_set.items}
    if missing := [name for name in reasons if name not in items]:
        raise ValueError(f"the task has no item {missing[0]!r}")
    return [_example(results, items[name], reason) for name, reason in reasons.items()]


def _example(results: TaskResults, item: Item, reason: str) -> Example:
    waveforms, rate = read_waveforms(item.audio)
    labels = sorted({event.label for events in item.events for event in events})
    texts = [[text] for text in item.captions] if len(waveforms) > 1 else [item.captions or item.labels]
    clips = [
        ExampleClip(
            captions=captions,
            audio=_data_uri(encode(waveform, rate), MEDIA_TYPE),
            picture=_data_uri(png, "image/png"),
            seconds=len(waveform) / rate,
            tracks=[(label, [event for event in events if event.label == label]) for label in labels],
            ticks=[(_hertz(tick), frequency_position(tick, rate)) for tick in _TICKS_HERTZ if tick < rate / 2],
        )
        for captions, events, waveform, png in zip(
            texts,
            item.events or [()] * len(item.audio),
            waveforms,
            spectrogram_pngs(waveforms, rate),
            strict=True,
        )
    ]
    records = [
        (result.model, record)
        for result in results.results
        for record in result.items
        if not result.is_control and record.get("id") == item.id
    ]
    return Example(item.id, reason, clips, records, item.credits)


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _hertz(hertz: int) -> str:
    return f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz"
