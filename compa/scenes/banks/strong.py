"""The bank of a TSV of strong labels: the segments of files that no other event overlaps."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

from compa.audio.files import SUFFIXES
from compa.scenes.banks.bank import MemoryBank
from compa.scenes.banks.recordings import SoundFile, read_recordings
from compa.scenes.banks.splits import divide
from compa.scenes.banks.strong_labels import parse_segment, read_strong_labels
from compa.utils.text import stable_hash
from compa.utils.text_rows import RowError

ACCEPTS = "a TSV of strong labels with the columns file, label, onset and offset, beside its sound files"
MAX_RECORDINGS = 64
"""The most recordings of a label: a bank is kept in memory, and AudioSet-Strong has very many of some labels."""


def accepts(path: Path) -> bool:
    """Whether `path` is a file with the suffix of a TSV."""
    return path.is_file() and path.suffix.lower() == ".tsv"


def open_events(path: Path, sample_rate: int) -> MemoryBank:
    """Reads the isolated segments of the files that a TSV names.

    The files are beside the TSV or in folders there, under their names in the TSV, with or without suffix. All segments
    of a file, and of a video where the names are AudioSet's, get the same split.

    Raises:
        ValueError: If the TSV cannot be read, lacks a column, or has fewer than 3 usable labels.
    """
    paths = _paths(path.parent)
    segments: defaultdict[str, list[SoundFile]] = defaultdict(list)
    skipped: dict[str, str] = {}
    for item in read_strong_labels(path):
        if isinstance(item, RowError):
            skipped[item.where] = item.reason
            continue
        found = paths.get(item.name)
        if found is None:
            skipped[item.name] = "no such file"
            continue
        isolated = item.isolated
        if len(isolated) < len(item.events):
            skipped[item.name] = (
                f"{len(item.events) - len(isolated)} of {len(item.events)} segments overlapped by others"
            )
        video = parse_segment(item.name)
        source = f"https://www.youtube.com/watch?v={video[0]}" if video else item.name
        for event in isolated:
            name = f"{item.name}@{event.onset:g}-{event.offset:g}"
            segments[event.label].append(
                SoundFile(event.label, name, found, source=source, onset=event.onset, offset=event.offset)
            )
    files = [file for label in sorted(segments) for file in _some(label, segments[label], skipped)]
    recordings, unreadable = read_recordings(files, sample_rate, f"reading {path.stem}")
    usable = divide(recordings, skipped | unreadable, str(path))
    return MemoryBank(path.stem, sample_rate, usable.recordings, usable.skipped)


def _paths(folder: Path) -> dict[str, Path]:
    """The sound files in and below a folder by path, name and stem; of several of one name, the first."""
    paths: dict[str, Path] = {}
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    for path in files:
        for name in (path.relative_to(folder).as_posix(), path.name, path.stem):
            paths.setdefault(name, path)
    return paths


def _some(label: str, files: list[SoundFile], skipped: dict[str, str]) -> list[SoundFile]:
    """At most `MAX_RECORDINGS` of a label, chosen by a stable hash of their names."""
    if len(files) > MAX_RECORDINGS:
        skipped[f"some of {label}"] = f"{len(files)} isolated segments, of which {MAX_RECORDINGS} are used"
    return sorted(files, key=lambda file: stable_hash("strong bank", file.name))[:MAX_RECORDINGS]
