"""Reads captions: a manifest, a table (CSV, TSV, JSON Lines), or a text file with a caption per line."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from compa.data.captions import given_captions
from compa.data.quarantine import usable_clips
from compa.data.tables import clips_of_rows
from compa.manifest import Clip, escape_id
from compa.utils.files import is_file
from compa.utils.text_rows import RowError, delimited_rows, json_rows, numbered_lines


def read_clips(path: Path, refused: list[RowError] | None = None) -> Iterator[Clip]:
    """Yields the clips of a file, by its suffix.

    Manifests and text files are read as streams. Tables are read as a whole, since rows that name the same clip are
    one clip with several captions. Clips in a manifest's quarantine are left out.

    Args:
        path: The file.
        refused: Rows without a caption, or that cannot be read, are appended to it.

    Raises:
        ValueError: If the suffix is unknown, no caption can be read, or a manifest is broken.
        FileNotFoundError: If there is no such file.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise ValueError(f"{path}: captions are read from {', '.join(_READERS)}; got {path.suffix or 'no suffix'!r}")
    if not is_file(path):
        raise FileNotFoundError(f"{path}: no such file: give a manifest, table or text file that exists")
    return _usable(reader(path), path, [] if refused is None else refused)


def rebase_audio(clip: Clip, source: Path, target: Path) -> Clip:
    """A clip whose relative audio path starts from the target manifest's folder, not from the source's."""
    if clip.audio is None or Path(clip.audio).is_absolute() or source.resolve().parent == target.resolve().parent:
        return clip
    audio = os.path.relpath(source.resolve().parent / clip.audio, target.resolve().parent)
    return replace(clip, audio=Path(audio).as_posix())


def _usable(items: Iterable[Clip | RowError], path: Path, refused: list[RowError]) -> Iterator[Clip]:
    has_captions = False
    for item in items:
        if isinstance(item, Clip):
            has_captions = True
            yield item
        else:
            refused.append(item)
    if not has_captions:
        reasons = "; ".join(map(str, refused[:3]))
        raise ValueError(f"{path} has no captions{f' ({reasons})' if reasons else ''}: give a file with at least one")


def _read_text(path: Path) -> Iterator[Clip | RowError]:
    for number, line in numbered_lines(path):
        if isinstance(line, RowError):
            yield line
        elif line.strip():
            try:
                yield Clip(escape_id(f"{path.stem}-{number}"), None, given_captions([line]))
            except ValueError as error:
                yield RowError(f"{path}, line {number}", str(error))


def _read_table(path: Path) -> Iterable[Clip | RowError]:
    return clips_of_rows(delimited_rows(path), path, audio=Path())


def _read_json_lines(path: Path) -> Iterable[Clip | RowError]:
    """A manifest; or, where the first line is not a clip but has a `caption`, a table."""
    lines = (line for _, line in numbered_lines(path))
    first = next((line for line in lines if not isinstance(line, RowError) and line.strip()), "")
    is_table = '"caption"' in first and '"captions"' not in first
    return clips_of_rows(json_rows(path), path, audio=Path()) if is_table else usable_clips(path)


_READERS: dict[str, Callable[[Path], Iterable[Clip | RowError]]] = {
    ".jsonl": _read_json_lines,
    ".csv": _read_table,
    ".tsv": _read_table,
    ".txt": _read_text,
}
