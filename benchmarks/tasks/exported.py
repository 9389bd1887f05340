"""Exported test sets: the items of a task as files, which can be shared and measured on without the event bank.

A folder with the task's name holds `items.json` and a 32-bit float WAV per audio, which keeps waveforms exactly:

    {"task": "scenes-order", "version": 1, "fingerprint": "...", "data": {"name": ..., "fingerprint": ..., ...},
     "items": [{"id": ..., "audio": ["scenes-order-000-a.wav", ...], "captions": [...], "labels": [...], ...}]}

`fingerprint` covers the items with all samples of their waveforms. `data` is what results record about the set, so a
score on the files is comparable with one on the same items as rendered.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.items import Credit, Item
from benchmarks.tasks.task import Task, TestSet
from compa.manifest import Event
from compa.utils.files import write_whole

FILE_NAME = "items.json"
INVALID = "not in the form that `compa bench export` writes"

Waveform = tuple[NDArray[np.float32], int]


def write_exported(task: Task, test_set: TestSet, out: Path) -> Path:
    """Writes a set into the folder `out/<task>`.

    Returns:
        The path of `items.json`, which is written last: where it is, the set is complete.

    Raises:
        ValueError: If another set is there, or the items are files already.
    """
    folder = out / task.name
    records = [_record(item) for item in test_set.items]
    fingerprint = _fingerprint(records, (_waveform(task, audio) for item in test_set.items for audio in item.audio))
    path = folder / FILE_NAME
    if path.exists() and _load(path).get("fingerprint") != fingerprint:
        raise ValueError(f"{folder} holds a different test set: choose another --out, or delete it")
    folder.mkdir(parents=True, exist_ok=True)
    for item, record in zip(tqdm(test_set.items, "Writing", unit="item", disable=None), records, strict=True):
        for audio, name in zip(item.audio, record["audio"], strict=True):
            soundfile.write(folder / name, *_waveform(task, audio), subtype="FLOAT")
    head = {"task": task.name, "version": task.version, "fingerprint": fingerprint, "data": test_set.data}
    write_whole(path, f"{json.dumps({**head, 'items': records}, indent=1, ensure_ascii=False)}\n".encode())
    return path


def exported_data(task: Task, data: Path) -> dict[str, Any]:
    """What results record about an exported set."""
    about: dict[str, Any] = _find(task, data)[1]["data"]
    return about


def read_exported(task: Task, data: Path) -> list[Item]:
    """Reads a set that was written with the same version of the task.

    Args:
        task: The task.
        data: The folder that was given to `write_exported`, or the task's folder in it.

    Raises:
        ValueError: If there is no such set, it is of another version, or a file was changed.
    """
    folder, record = _find(task, data)
    records, fingerprint = record["items"], record["fingerprint"]
    try:
        items = [_parse(item) for item in records]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{folder / FILE_NAME} is {INVALID}: {error!r}") from None
    shown = tqdm(records, f"Reading {task.name}", unit="item", leave=False, disable=None)
    waveforms = [_read(folder / name) for item in shown for name in item["audio"]]
    if _fingerprint(records, waveforms) != fingerprint:
        raise ValueError(f"{folder} was changed after the export: its fingerprint is no longer {fingerprint}")
    in_order = iter(waveforms)
    return [dataclasses.replace(item, audio=tuple(next(in_order) for _ in item.audio)) for item in items]


def _find(task: Task, data: Path) -> tuple[Path, dict[str, Any]]:
    """The folder of a set, and the content of its `items.json`."""
    folder = next((folder for folder in (data / task.name, data) if (folder / FILE_NAME).is_file()), None)
    if folder is None:
        raise ValueError(
            f"{data} holds no items of {task.name}: `compa bench export --task {task.name} --out {data}` writes them; "
            "without --data they are rendered"
        )
    record = _load(folder / FILE_NAME)
    if missing := [key for key in ("task", "version", "fingerprint", "data", "items") if key not in record]:
        raise ValueError(f"{folder / FILE_NAME} is {INVALID}: it lacks {', '.join(missing)}")
    if (record["task"], record["version"]) != (task.name, task.version):
        found = f"{record['task']} version {record['version']}"
        raise ValueError(f"{folder} holds {found}, not {task.name} version {task.version}: export it again")
    return folder, record


def _record(item: Item) -> dict[str, Any]:
    """An item as JSON values, with file names for its audio."""
    record = {field.name: getattr(item, field.name) for field in dataclasses.fields(item)}
    record["audio"] = [f"{name}.wav" for name in item.audio_ids]
    record["events"] = [[dataclasses.asdict(event) for event in events] for events in item.events]
    record["credits"] = [dataclasses.asdict(credit) for credit in item.credits]
    loaded: dict[str, Any] = json.loads(json.dumps(record))
    return loaded


def _parse(record: Mapping[str, Any]) -> Item:
    texts = {name: tuple(record[name]) for name in ("captions", "labels", "recordings", "sources", "paraphrases")}
    return Item(
        id=record["id"],
        audio=tuple(Path(name) for name in record["audio"]),
        events=tuple(tuple(Event(**event) for event in events) for events in record["events"]),
        credits=tuple(Credit(**credit) for credit in record["credits"]),
        kind=record["kind"],
        **texts,
    )


def _fingerprint(records: Sequence[Mapping[str, Any]], waveforms: Iterable[Waveform]) -> str:
    digest = hashlib.sha256(json.dumps(records, sort_keys=True).encode())
    for waveform, sample_rate in waveforms:
        digest.update(f"{len(waveform)} {sample_rate}".encode())
        digest.update(np.ascontiguousarray(waveform, dtype="<f4").data)
    return digest.hexdigest()[:16]


def _waveform(task: Task, audio: Path | Waveform) -> Waveform:
    if isinstance(audio, Path):
        raise ValueError(f"the items of {task.name} are files already, such as {audio.name}: share those")
    return audio


def _read(path: Path) -> Waveform:
    try:
        waveform, sample_rate = soundfile.read(path, dtype="float32")
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{path} cannot be read: {error}") from None
    return waveform, int(sample_rate)


def _load(path: Path) -> dict[str, Any]:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path} is not JSON ({error})") from None
    if not isinstance(record, dict):
        raise ValueError(f"{path} is {INVALID}")
    return record
