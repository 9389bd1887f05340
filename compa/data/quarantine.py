"""The quarantine: clips of a manifest that must not be used, listed beside it with the reason for each.

`m.jsonl` has the list `m.quarantine.jsonl`. Import lists what it found missing, `compa data verify` all that is
wrong, and every other command leaves out what is listed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from compa.manifest import Clip, scan_manifest
from compa.utils.files import is_file, write_whole
from compa.utils.text_rows import RowError, numbered_lines, parse_json

REMEDY = "correct it, or let `compa data verify` put it into quarantine"
"""What can be done about a line that cannot be used."""


@dataclass(frozen=True)
class Entry:
    """One line of the list.

    Attributes:
        id: The clip's id; None for a line of the manifest that is not a clip.
        file: The sound file as the manifest names it, or the manifest's own file and line.
        reason: What is wrong.
    """

    id: str | None
    file: str | None
    reason: str


def list_path(manifest: str | Path) -> Path:
    """Path of the quarantine list of a manifest."""
    manifest = Path(manifest)
    return manifest.with_name(f"{manifest.stem}.quarantine.jsonl")


def write(manifest: str | Path, entries: Iterable[Entry]) -> Path | None:
    """Replaces the list of a manifest; without entries there is none.

    Returns:
        The list's path, or None where there is nothing to list.
    """
    path = list_path(manifest)
    lines = [json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries]
    if not lines:
        path.unlink(missing_ok=True)
        return None
    write_whole(path, "".join(lines).encode())
    return path


def entries(manifest: str | Path) -> list[Entry]:
    """The entries of a manifest's list; none where there is no list.

    Raises:
        ValueError: If the list is damaged, naming file and line.
    """
    path = list_path(manifest)
    if not is_file(path):
        return []
    found = []
    for number, line in numbered_lines(path):
        try:
            found.append(Entry(**parse_json(str(line))))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}, line {number}: no entry ({error}): verify the manifest again") from None
    return found


def read(manifest: str | Path) -> dict[str, str]:
    """The ids of the clips in a manifest's quarantine, with the reason for each; empty without a list."""
    return Quarantine(manifest).clips


class Quarantine:
    """A manifest's list, for looking up one clip or line after the other.

    Attributes:
        clips: The reason for each id of a clip that is listed.
        lines: The reason for each line that is listed since it is not a clip, by its `location`.

    Raises:
        ValueError: If the list is damaged.
    """

    def __init__(self, manifest: str | Path) -> None:
        self._manifest = manifest
        listed = entries(manifest)
        self.clips = {entry.id: entry.reason for entry in listed if entry.id is not None}
        self.lines = {entry.file: entry.reason for entry in listed if entry.id is None}

    def reason(self, item: Clip | RowError) -> str | None:
        """Why something of the manifest must not be used; None for a clip that is not listed.

        Raises:
            ValueError: If it is neither a clip nor listed.
        """
        if isinstance(item, Clip):
            return self.clips.get(item.id)
        if (where := location(self._manifest, item)) not in self.lines:
            raise ValueError(f"{item}: {REMEDY}")
        return self.lines[where]


def usable_clips(manifest: str | Path) -> Iterator[Clip]:
    """Yields the clips of a manifest that are not in its quarantine, in order.

    Raises:
        ValueError: At a line that is not a clip, unless the quarantine lists it.
    """
    listed = Quarantine(manifest)
    for item in scan_manifest(manifest):
        if listed.reason(item) is None and isinstance(item, Clip):
            yield item


def location(manifest: str | Path, error: RowError) -> str:
    """What the list calls a line of its manifest that is not a clip, wherever both are moved."""
    return error.where.removeprefix(f"{Path(manifest).parent}/")


def coverage(num_found: int, num_all: int) -> str:
    """The fraction of clips that are there, in words; rounded down, so that only all of them are 100 %.

    Example:
        >>> coverage(1999, 2000)
        '1999 of 2000 clips (99.9%)'
    """
    return f"{num_found} of {num_all} clips ({math.floor(1000 * num_found / max(num_all, 1)) / 10}%)"
