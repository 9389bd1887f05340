"""The sound files of a folder, listed the same way for formats, event banks, tasks and commands."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".m4a", ".mp4", ".webm")
"""How names of sound files end, in upper or lower case; the last three need PyAV."""


def sound_files(folder: Path, recursive: bool = True) -> Iterator[Path]:
    """Yields the sound files in a folder, sorted; hidden files and links to folders are skipped.

    Args:
        folder: The folder.
        recursive: Whether folders below it are searched, too.

    Raises:
        ValueError: If it is not a folder.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder} is not a folder: give the folder of the sound files")
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if recursive and not name.startswith("."))
        for name in sorted(names):
            if name.lower().endswith(SUFFIXES) and not name.startswith("."):
                yield Path(place, name)
