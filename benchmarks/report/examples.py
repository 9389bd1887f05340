"""Examples: a few items as files, so that a report can show and play them.

`examples.json` stands beside the audio files that it names:

    {"examples": [{
        "task": "scenes-order", "item": "scenes-order-000",
        "clips": [{"audio": "scenes-order-000-a.flac", "caption": "siren, then rain",
                   "events": [{"label": "siren", "onset": 0.4, "offset": 2.1, "level_db": 0.0}, ...]}, ...],
        "credits": [{"label": "siren", "recording": "siren/3",
                     "source": null, "author": null, "licence": null}, ...]
    }]}

Caption i is true of clip i. `task` and `item` are as in result files: so a report finds what models said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.tasks import Credit, Item
from compa.manifest import Event

FILE_NAME = "examples.json"


@dataclass(frozen=True)
class Example:
    """An item to look at and listen to.

    Attributes:
        task: Name of the task that it is from.
        item: Its id there.
        files: An audio file each clip.
        captions: Caption i is true of clip i.
        events: What sounds when in each clip.
        credits: Whom the sounds come from.
    """

    task: str
    item: str
    files: tuple[Path, ...]
    captions: tuple[str, ...]
    events: tuple[tuple[Event, ...], ...]
    credits: tuple[Credit, ...]


def write_examples(folder: Path, items: Mapping[str, Sequence[Item]]) -> Path:
    """Writes items as FLAC files and an `examples.json`.

    Args:
        folder: Made where it is not there.
        items: For each task's name the items to show, as its `prepare(bank, limit=...)` makes them.

    Returns:
        The path of `examples.json`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    examples = [_write_item(folder, task, item) for task, some in items.items() for item in some]
    path = folder / FILE_NAME
    path.write_text(json.dumps({"examples": examples}, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def read_examples(folder: Path) -> list[Example]:
    """Reads a folder of examples.

    Raises:
        ValueError: If it has no `examples.json`, or one of another form.
    """
    path = folder / FILE_NAME
    if not path.is_file():
        raise ValueError(f"{folder} holds no {FILE_NAME}: give the folder that examples were written to")
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        examples = [_parse(folder, example) for example in record["examples"]]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is not of the form that examples have: {error!r}") from None
    for file in (file for example in examples for file in example.files):
        if not file.is_file():
            raise ValueError(f"{path} names {file.name}, which is not there")
    return examples


def read_audio(file: Path) -> tuple[NDArray[np.float32], int]:
    """The waveform of an example, mixed to mono, and its sample rate."""
    try:
        waveform, sample_rate = soundfile.read(file, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"example {file} is no audio that can be read: {error}") from None
    return waveform.mean(axis=1), int(sample_rate)


def _write_item(folder: Path, task: str, item: Item) -> dict[str, Any]:
    clips = []
    for number, (audio, audio_id, caption) in enumerate(zip(item.audio, item.audio_ids, item.captions, strict=True)):
        waveform, sample_rate = read_audio(audio) if isinstance(audio, Path) else audio
        file_name = f"{audio_id}.flac"
        soundfile.write(folder / file_name, waveform, sample_rate, subtype="PCM_16")
        events = [
            {"label": event.label, "onset": event.onset, "offset": event.offset, "level_db": event.level_db}
            for event in (item.events[number] if item.events else ())
        ]
        clips.append({"audio": file_name, "caption": caption, "events": events})
    return {
        "task": task,
        "item": item.id,
        "clips": clips,
        "credits": [vars(credit) for credit in item.credits],
    }


def _parse(folder: Path, example: dict[str, Any]) -> Example:
    clips = example["clips"]
    return Example(
        task=example["task"],
        item=example["item"],
        files=tuple(folder / clip["audio"] for clip in clips),
        captions=tuple(clip["caption"] for clip in clips),
        events=tuple(tuple(Event(**event) for event in clip.get("events", ())) for clip in clips),
        credits=tuple(Credit(**credit) for credit in example.get("credits", ())),
    )
