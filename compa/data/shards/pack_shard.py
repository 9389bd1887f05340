"""One shard from its lines of the manifest: what each packing process does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from compa.audio.decode import read_audio
from compa.audio.encode import encode_audio
from compa.audio.mono import ChannelsCancel
from compa.data import quarantine
from compa.data.captions import caption_problem
from compa.data.shards.folder import Sample, write_shard
from compa.data.shards.index import ClipNote
from compa.manifest import Clip, scan_from
from compa.utils.files import is_file
from compa.utils.text_rows import LineOffset

SILENCE = 0.5 / 2**15
"""Peaks below this are 0 in 16 bits a sample."""


@dataclass(frozen=True)
class PackTask:
    """A shard that is to be packed.

    Attributes:
        manifest: JSON Lines of clips; their audio paths are relative to its folder.
        first: Where in the manifest this shard's lines begin.
        count: How many lines there are, blank ones aside.
        quarantined: Why the clips of some lines are left out, by the lines' numbers.
        tar: The shard's file.
        format: Of the sounds.
        sample_rate: Of the sounds, in Hz.
    """

    manifest: Path
    first: LineOffset
    count: int
    quarantined: Mapping[int, str]
    tar: Path
    format: str
    sample_rate: int


def pack_shard(task: PackTask) -> PackTask:
    """Packs a shard; returns the task.

    Raises:
        OSError: If it cannot be written.
    """
    write_shard(task.tar, _samples(task), task.format)
    return task


def _samples(task: PackTask) -> Iterator[Sample | ClipNote]:
    """Yields the clips with their sounds, and those that are left out."""
    for offset, item in islice(scan_from(task.manifest, task.first), task.count):
        reason = task.quarantined.get(offset.number)
        if reason is None and isinstance(item, Clip):
            try:
                yield _sample(item, task)
            except ValueError as error:
                yield ClipNote(item.id, item.audio, str(error))
        elif reason is None:
            raise ValueError(f"{item}: the manifest was changed while it was packed")
        elif isinstance(item, Clip):
            yield ClipNote(item.id, item.audio, f"quarantined: {reason}")
        else:
            yield ClipNote(None, quarantine.location(task.manifest, item), f"quarantined: {reason}")


def _sample(clip: Clip, task: PackTask) -> Sample:
    """The clip with its sound as it goes into the shard.

    Raises:
        ValueError: If there is none, with the reason.
    """
    if clip.audio is None:
        raise ValueError("the manifest names no audio file")
    if problem := caption_problem(clip.captions):
        raise ValueError(problem)
    path = task.manifest.parent / clip.audio
    if not is_file(path):
        raise ValueError("the audio file is missing")
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ChannelsCancel)
        try:
            waveform = read_audio(path, task.sample_rate)
        except ValueError as error:
            raise ValueError(str(error).removeprefix(f"{path} ")) from None
    if not len(waveform) or np.abs(waveform).max() < SILENCE:
        raise ValueError("the sound is silent")
    notes = [str(found.message).removeprefix(f"{path}: ") for found in caught if found.category is ChannelsCancel]
    return (clip, encode_audio(waveform, task.sample_rate, task.format), *notes)
