"""Recordings of isolated sound events, read from files in parallel and kept in memory."""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from compa.audio.decode import read_audio
from compa.audio.highpass import RUMBLE_HZ, highpass
from compa.scenes.banks.activity import Active

Split = Literal["train", "test"]


@dataclass(frozen=True)
class Recording:
    """One recording of a label.

    Attributes:
        label: Its label.
        name: A stable name within its bank.
        active: Its waveform, ready to be cut.
        source: What it was taken from (a freesound recording, an address), if known.
        author: Its author, if known.
        licence: Its licence, if known.
        content: A hash of its content and of what was done to it.
        split: `train` or `test`; None while that is not decided.
        attributes: Further properties of its events, such as the speaker.
    """

    label: str
    name: str
    active: Active
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    content: str = ""
    split: Split | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SoundFile:
    """A file to be read as a recording, or its part from `onset` to `offset` (seconds; None is its end).

    The other attributes are those of `Recording`.
    """

    label: str
    name: str
    path: Path
    source: str | None = None
    author: str | None = None
    licence: str | None = None
    split: Split | None = None
    onset: float = 0.0
    offset: float | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


def readable(name: str, separators: str = "_") -> str:
    """A label for captions: in lower case, with blanks for the separators."""
    return " ".join(name.translate({ord(separator): " " for separator in separators}).lower().split())


def read_recordings(files: Sequence[SoundFile], sample_rate: int, title: str) -> tuple[list[Recording], dict[str, str]]:
    """Reads files in parallel threads, with a progress bar on stderr.

    Args:
        files: What to read.
        sample_rate: The rate that the recordings get, in Hz.
        title: Text of the progress bar.

    Returns:
        The recordings in the order of the files, and by name the reasons why others were left out.
    """
    recordings: list[Recording] = []
    skipped: dict[str, str] = {}
    threads = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        read = threads.map(lambda file: _read(file, sample_rate), files)
        for file, recording in zip(files, tqdm(read, title, len(files), unit="file", disable=None), strict=True):
            if isinstance(recording, str):
                skipped[file.name] = recording
            else:
                recordings.append(recording)
    finally:
        threads.shutdown(cancel_futures=True)  # at Ctrl-C the files that wait are not read
    return _of_one_label(recordings, skipped), skipped


def _read(file: SoundFile, sample_rate: int) -> Recording | str:
    """Reads one file, high-pass filtered; returns the reason where that is not possible."""
    if not file.path.is_file():
        return "no such file"
    try:
        waveform = highpass(read_audio(file.path, sample_rate), sample_rate)
        end = None if file.offset is None else round(file.offset * sample_rate)
        part = "" if file.offset is None else f"{file.onset} {file.offset} "
        return Recording(
            file.label,
            file.name,
            Active.part_of(waveform[round(file.onset * sample_rate) : end], sample_rate),
            source=file.source,
            author=file.author,
            licence=file.licence,
            content=f"from {RUMBLE_HZ:g} Hz {part}" + hashlib.sha256(file.path.read_bytes()).hexdigest(),
            split=file.split,
            attributes=file.attributes,
        )
    except (ValueError, OSError) as error:
        return str(error).removeprefix(f"{file.path} ")


def _of_one_label(recordings: Sequence[Recording], skipped: dict[str, str]) -> list[Recording]:
    """Leaves out recordings whose content has several labels, since none of these can be trusted."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for recording in recordings:
        labels[recording.content].add(recording.label)
    kept = []
    for recording in recordings:
        if len(labels[recording.content]) > 1:
            names = ", ".join(sorted(labels[recording.content]))
            skipped[recording.name] = f"the same content has several labels: {names}"
        else:
            kept.append(recording)
    return kept
