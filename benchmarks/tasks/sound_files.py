"""Sound files that users bring: which of them can be used, and what a score was measured on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from compa.audio.decode import open_audio
from compa.scenes.banks.bank import short_hash
from compa.scenes.banks.csv import PLAIN_STEMS
from compa.utils.files import is_file


def name_of(data: Path) -> str:
    """What results call the files: their own name, or their folder's where theirs says nothing, and never a path."""
    data = data.resolve()
    return data.parent.name or data.stem if data.stem.lower() in {*PLAIN_STEMS, "manifest"} else data.stem


def flaw_of(path: Path) -> str | None:
    """Why a sound file cannot be used, as far as its header tells; None where it can."""
    if not is_file(path):
        return "not there"
    try:
        with open_audio(path):
            return None
    except (ValueError, OSError) as error:
        return f"unreadable ({str(error).removeprefix(f'{path} ')})"


def flaws_of(paths: Sequence[Path]) -> list[str | None]:
    """What `flaw_of` says of each, looked at in parallel."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return list(threads.map(flaw_of, paths))


def fingerprint(texts: Iterable[object], paths: Sequence[Path]) -> str:
    """A stable hash of what is said and of what is heard, wherever the files lie."""
    with ThreadPoolExecutor(os.cpu_count()) as threads:
        return short_hash(list(texts), list(threads.map(_content, paths)))


def left_out(names: Sequence[str], flaws: Sequence[str | None], what: str) -> list[str]:
    """The warning that some items cannot be used; none where all can.

    Example:
        >>> left_out(["a", "b"], [None, "not there"], "clips")
        ['1 of 2 clips are left out: b (not there)']
    """
    broken = [f"{name} ({flaw})" for name, flaw in zip(names, flaws, strict=True) if flaw]
    return [f"{len(broken)} of {len(names)} {what} are left out: {shortened(broken)}"] if broken else []


def shortened(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list, and how many there are beside.

    Example:
        >>> shortened(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
