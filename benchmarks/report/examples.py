"""The items to listen to: those that the best model of each task loses and wins by most, made anew."""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path
from typing import Any

from benchmarks.items import Credit, Item
from benchmarks.report.duel import margin
from benchmarks.report.sound import MEDIA_TYPE, encoded, waveforms_of
from benchmarks.report.spectrogram import height_of, pictures
from benchmarks.report.task_results import Block
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs

MAX_ITEMS = 8
NUM_EACH = 2
"""So many of the worst and so many of the best of a task, where there is room."""
_TICKS_HERTZ = (100, 1000, 4000, 10000)


@dataclass(frozen=True)
class Clip:
    """One audio of an item, with the captions that are true of it (or its labels), ready to be shown."""

    captions: Sequence[str]
    audio: str
    picture: str
    seconds: float
    tracks: Sequence[tuple[str, Sequence[Any]]]
    ticks: Sequence[tuple[str, float]]


@dataclass(frozen=True)
class Shown:
    """An item, ready to be shown.

    Attributes:
        item: Its id.
        why: Why this one.
        clips: What there is to hear and see.
        said: Each model's name and its record of the item.
        credits: Whom the sounds come from.
    """

    item: str
    why: str
    clips: Sequence[Clip]
    said: Sequence[tuple[str, Mapping[str, Any]]]
    credits: Sequence[Credit]


def listening(
    blocks: Sequence[Block], given: TaskInputs | None, tell: Callable[[str], None]
) -> list[tuple[Block, list[Shown]]]:
    """Worst and best items of each block, with their sounds.

    Result files hold no sounds; a task makes the same ones again. Where it cannot, because its files are not at
    hand or are others than those that were measured on, the block is left out, and `tell` hears why.

    Args:
        blocks: What was measured.
        given: What to make the items of; None takes what the results say that they were made of.
        tell: Hears, in a sentence, which block has no sounds.
    """
    wanted = picked(blocks)
    materials: dict[tuple[tuple[str, Any], ...], TaskInputs] = {}
    found = []
    for block, why in zip(blocks, wanted, strict=True):
        if not why:
            continue
        brought = _brought(block, given)
        material = materials.setdefault(tuple(brought.items()), TaskInputs(**brought))  # so a bank is opened once
        try:
            found.append((block, _shown_items(block, material, why)))
        except (ValueError, OSError) as error:
            tell(f"no sounds of {block.title} in the page: {error}; give --events or --data that it was measured on")
    return found


def picked(blocks: Sequence[Block]) -> list[dict[str, str]]:
    """For each block the ids of items and why they are shown; worst ones first, blocks taking turns."""
    queues = [_candidates(block) for block in blocks]
    turns = chain.from_iterable(zip_longest(*([(i, pick) for pick in queue] for i, queue in enumerate(queues))))
    chosen = [turn for turn in turns if turn is not None][:MAX_ITEMS]
    return [{item: why for i, (_, item, why) in sorted(chosen) if i == number} for number in range(len(blocks))]


def standing(item: Mapping[str, Any]) -> float | None:
    """How well a model does on an item: its margin, or minus its mean rank; None where it has neither.

    Example:
        >>> standing({"scores": [[3, 1], [0, 2]]}), standing({"ranks": {"text_to_audio": [1, 4], "audio_to_text": [1]}})
        (1.0, -2.0)
    """
    found = item.get("ranks")
    ranks = [rank for some in found.values() for rank in some] if isinstance(found, Mapping) else found
    return -sum(ranks) / len(ranks) if ranks else margin(item)


def _candidates(block: Block) -> list[tuple[int, str, str]]:
    """(place on the page, item, why), the most telling first: the worst, the best, the second worst, ..."""
    standings = {str(item.get("id")): standing(item) for item in block.leader.items}
    by_item = {name: value for name, value in standings.items() if value is not None}
    order = sorted(by_item, key=lambda name: (by_item[name], name))
    num_worst = min(NUM_EACH, (len(order) + 1) // 2)
    worst, best = order[:num_worst], order[num_worst:][-NUM_EACH:][::-1]
    leader = block.leader.model
    picks = [
        *((number, name, f"{_ordinal(number)}worst of {leader}") for number, name in enumerate(worst)),
        *((NUM_EACH + number, name, f"{_ordinal(number)}best of {leader}") for number, name in enumerate(best)),
    ]
    return sorted(picks, key=lambda pick: (pick[0] % NUM_EACH, pick[0]))


def _ordinal(number: int) -> str:
    return "" if number == 0 else "second " if number == 1 else f"{number + 1}th "


def _brought(block: Block, given: TaskInputs | None) -> dict[str, Any]:
    """What the items of a block are made of: what is given, else what some run noted."""
    brought = {}
    for field in dataclasses.fields(TaskInputs):
        noted = next((r.run[field.name] for r in block.results if r.run.get(field.name)), None)
        if noted is not None and field.name != "events":
            noted = Path(noted)
        here = getattr(given, field.name, None)
        brought[field.name] = noted if here is None else here
    return brought


def _shown_items(block: Block, material: TaskInputs, why: Mapping[str, str]) -> list[Shown]:
    """The items of a block that are named, made anew.

    Raises:
        ValueError: If they cannot be made, or would be others.
    """
    task = find_task(block.task)
    if task.version != block.version:
        raise ValueError(f"the results are of version {block.version}, this compa makes version {task.version}")
    test_set = task.prepare(material, limit=max(int(result.data["found"]) for result in block.results))
    if (fingerprint := str(test_set.data["fingerprint"])) != block.fingerprint:
        raise ValueError(f"the models were measured on other data ({block.fingerprint}, these are {fingerprint})")
    items = {item.id: item for item in test_set.items}
    if missing := [name for name in why if name not in items]:
        raise ValueError(f"the task has no item {missing[0]!r}")
    return [_shown(block, items[name], reason) for name, reason in why.items()]


def _shown(block: Block, item: Item, why: str) -> Shown:
    """An item with pictures and sounds, and what the models said of it."""
    waveforms, rate = waveforms_of(item.audio)
    labels = sorted({event.label for events in item.events for event in events})
    texts = [[text] for text in item.captions] if len(waveforms) > 1 else [item.captions or item.labels]
    clips = [
        Clip(
            captions=captions,
            audio=_data_uri(encoded(waveform, rate), MEDIA_TYPE),
            picture=_data_uri(picture, "image/png"),
            seconds=len(waveform) / rate,
            tracks=[(label, [event for event in events if event.label == label]) for label in labels],
            ticks=[(_hertz(tick), height_of(tick, rate)) for tick in _TICKS_HERTZ if tick < rate / 2],
        )
        for captions, events, waveform, picture in zip(
            texts,
            item.events or [()] * len(item.audio),
            waveforms,
            pictures(waveforms, rate),
            strict=True,
        )
    ]
    said = [
        (result.model, record)
        for result in block.results
        for record in result.items
        if not result.is_control and record.get("id") == item.id
    ]
    return Shown(item.id, why, clips, said, item.credits)


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"


def _hertz(hertz: int) -> str:
    return f"{hertz // 1000} kHz" if hertz >= 1000 else f"{hertz} Hz"
