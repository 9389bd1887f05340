"""The bank of a folder with one folder of sound files a label."""

from __future__ import annotations

from pathlib import Path

from compa.audio.files import SUFFIXES
from compa.scenes.banks.bank import MemoryBank
from compa.scenes.banks.recordings import SoundFile, read_recordings, readable
from compa.scenes.banks.splits import divide

ACCEPTS = "a folder with one folder of sound files a label"


def accepts(path: Path) -> bool:
    """Whether `path` is a folder."""
    return path.is_dir()


def open_events(path: Path, sample_rate: int) -> MemoryBank:
    """Reads `<label>/*.wav|flac|ogg|opus|mp3`; `_` and `-` in a folder's name become blanks of the label.

    Labels are in lower case, so folders that differ only in case are one label.

    Raises:
        ValueError: If there are no label folders, or fewer than 3 usable labels.
    """
    folders = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if not folders:
        flat = len(sound_files(path))
        found = f"{flat} sound file(s) but no label folders" if flat else "no label folders"
        raise ValueError(f"{path} has {found}; put each label's files into a folder with its name, or use a CSV")
    files: list[SoundFile] = []
    empty: dict[str, str] = {}
    for folder in folders:
        inside = sound_files(folder)
        label = readable(folder.name, separators="_-") or folder.name
        files += [SoundFile(label, f"{folder.name}/{file.name}", file) for file in inside]
        if not inside:
            empty[folder.name] = "folder without sound files"
    name = path.resolve().name or "events"
    recordings, skipped = read_recordings(files, sample_rate, f"reading {name}")
    usable = divide(recordings, empty | skipped, str(path))
    return MemoryBank(name, sample_rate, usable.recordings, usable.skipped)


def sound_files(folder: Path) -> list[Path]:
    """The sound files directly in a folder, sorted."""
    files = (p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    return sorted(p for p in files if p.is_file())
