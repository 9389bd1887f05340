"""One shard from its lines of the manifest: what each packing process does."""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np

from compa.audio.decode import read_audio
from compa.audio.encode import encode_audio
from compa.data import quarantine
from compa.data.files import sha256_of, whole_file, write_whole
from compa.data.shards import Entry, Shard, Skipped, scan_shard
from compa.lines import Place, is_file
from compa.manifest import Clip, scan_from

SILENCE = 0.5 / 2**15
"""Peaks below this are 0 in 16 bits a sample."""


@dataclass(frozen=True)
class Task:
    """A shard that is to be packed.

    Attributes:
        manifest: JSON Lines of clips; their audio paths are relative to its folder.
        first: Where in the manifest this shard's lines begin.
        count: How many lines there are, blank ones aside.
        quarantined: Why the clips of some lines are left out, by the lines' numbers.
        tar: The shard's file.
        part: The file that says what is in the tar, whose presence says that the tar is complete.
        format: Of the sounds.
        sample_rate: Of the sounds, in Hz.
    """

    manifest: Path
    first: Place
    count: int
    quarantined: Mapping[int, str]
    tar: Path
    part: Path
    format: str
    sample_rate: int

    def is_done(self) -> bool:
        """Whether the shard has been packed."""
        return self.part.exists()


@dataclass(frozen=True)
class Part:
    """What a finished task knows of its shard, which is None where every clip was left out."""

    shard: Shard | None
    entries: tuple[Entry, ...]
    skipped: tuple[Skipped, ...]


def pack_shard(task: Task) -> Task:
    """Packs a shard, then writes its part; gives the task back.

    Raises:
        OSError: If it cannot be written.
    """
    skipped: list[Skipped] = []
    shard = None
    with whole_file(task.tar) as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT, encoding="utf-8") as tar:
            for clip in _clips(task, skipped):
                try:
                    sound = _sound(clip, task)
                except ValueError as error:
                    skipped.append(Skipped(clip.id, clip.audio, str(error)))
                    continue
                member = f"{clip.id}.{task.format}"
                _add(tar, member, sound)
                _add(tar, f"{clip.id}.json", replace(clip, audio=member).to_json().encode())
        file.seek(0)
        entries = scan_shard(file, task.tar.name)  # what was written, not what was meant to be
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        if entries:
            shard = Shard(task.tar.name, len(entries), size, sha256_of(file))
    if not entries:
        task.tar.unlink()
    write_whole(task.part, json.dumps(asdict(Part(shard, tuple(entries), tuple(skipped)))).encode())
    return task


def read_part(task: Task) -> Part:
    """Reads what a finished task knows of its shard.

    Raises:
        ValueError: If the shard is no longer as it was written.
    """
    values = json.loads(task.part.read_text(encoding="utf-8"))
    shard = Shard(**values["shard"]) if values["shard"] else None
    if shard and (not task.tar.is_file() or task.tar.stat().st_size != shard.bytes):
        raise ValueError(f"{task.tar} was changed since it was packed: delete {task.part} and run the command again")
    entries = tuple(Entry(**entry) for entry in values["entries"])
    return Part(shard, entries, tuple(Skipped(**clip) for clip in values["skipped"]))


def _clips(task: Task, skipped: list[Skipped]) -> Iterator[Clip]:
    """Yields the clips that are not quarantined, and adds the others to those that are skipped."""
    for place, item in islice(scan_from(task.manifest, task.first), task.count):
        reason = task.quarantined.get(place.number)
        if reason is None and isinstance(item, Clip):
            yield item
        elif reason is None:
            raise ValueError(f"{item}: the manifest was changed while it was packed")
        elif isinstance(item, Clip):
            skipped.append(Skipped(item.id, item.audio, f"quarantined: {reason}"))
        else:
            skipped.append(Skipped(None, quarantine.place(task.manifest, item), f"quarantined: {reason}"))


def _sound(clip: Clip, task: Task) -> bytes:
    """The clip's sound as it goes into the shard, or a ValueError that says why there is none."""
    if clip.audio is None:
        raise ValueError("the manifest names no audio file")
    if not clip.captions:
        raise ValueError("the clip has no caption")
    path = task.manifest.parent / clip.audio
    if not is_file(path):
        raise ValueError("the audio file is missing")
    try:
        waveform = read_audio(path, task.sample_rate)
    except ValueError as error:
        raise ValueError(str(error).removeprefix(f"{path} ")) from None
    if not len(waveform) or np.abs(waveform).max() < SILENCE:
        raise ValueError("the sound is silent")
    return encode_audio(waveform, task.sample_rate, task.format)


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    """Adds a member that bears no trace of when, where and by whom it was written."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
