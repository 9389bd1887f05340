"""Finds the sound file of a clip in a folder, by the names that data sets of captions use."""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

from compa.audio.files import sound_files


def add_audio_option(parser: argparse.ArgumentParser, default: str) -> None:
    """Adds `--audio DIR`; `default` says what holds without it."""
    parser.add_argument("--audio", type=Path, metavar="DIR", help=f"folder of the sound files (default: {default})")


class AudioFolder:
    """The sound files of a folder by their names without suffix.

    Args:
        folder: Searched with all folders below; None for captions without audio.
    """

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder
        self._paths: defaultdict[str, list[Path]] = defaultdict(list)
        for path in sound_files(folder) if folder else ():
            self._paths[path.stem].append(path)

    def find(self, *stems: str) -> str | None:
        """The path of the file that has the first of these names that any file has.

        Returns:
            Where nothing is found, the path where the file should lie; None for captions without audio.

        Raises:
            ValueError: If several files have the name.
        """
        if self.folder is None:
            return None
        paths = next((self._paths[stem] for stem in stems if stem in self._paths), [])
        if len(paths) > 1:
            raise ValueError(f"several files have the name {paths[0].stem!r}: {paths[0]}, {paths[1]}")
        return str(paths[0] if paths else self.folder / f"{stems[0]}.wav")


def youtube_stems(video: str, start: float) -> tuple[str, ...]:
    """The names under which downloaders keep 10 s of a video from `start` (seconds)."""
    seconds, milliseconds = round(start), round(1000 * start)
    stems = (
        video,
        f"{video}_{milliseconds}",
        f"{video}_{seconds}",
        f"{video}_{seconds}_{seconds + 10}",
        f"{video}_{milliseconds}_{milliseconds + 10_000}",
    )
    return (*stems, *(f"Y{stem}" for stem in stems))


def youtube_url(video: str) -> str:
    """The address of a video in the field `source` of manifests, equal in all data sets that use the video."""
    return f"https://www.youtube.com/watch?v={video}"


def freesound_url(sound: str) -> str:
    """The address of a freesound recording in the field `source` of manifests."""
    return f"https://freesound.org/s/{sound}"
