"""Sound files that users provide: which of them can be used, and a fingerprint of what is measured on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from compa.audio.decode import open_audio
from compa.scenes.banks.bank import short_hash
from compa.scenes.banks.csv import PLAIN_STEMS
from compa.utils.files import is_file
from compa.utils.parallel import map_threads


def name_of(data: Path) -> str:
    """The name of a file in results: its stem, or its folder's name where the stem is generic; never a path."""
    data = data.resolve()
    return data.parent.name or data.stem if data.stem.lower() in {*PLAIN_STEMS, "manifest"} else data.stem


def flaws_of(paths: Sequence[Path]) -> list[str | None]:
    """Why each sound file cannot be used, as far as its header shows; None where it can."""
    return list(map_threads(_flaw_of, paths))


def fingerprint(texts: Iterable[object], paths: Sequence[Path]) -> str:
    """A stable hash of texts and of the contents of files, wherever the files are."""
    return short_hash(list(texts), list(map_threads(_content, paths)))


def left_out(names: Sequence[str], flaws: Sequence[str | None], what: str) -> list[str]:
    """A warning that some items cannot be used; empty where all can.

    Example:
        >>> left_out(["a", "b"], [None, "not there"], "clips")
        ['1 of 2 clips are left out: b (not there)']
    """
    broken = [f"{name} ({flaw})" for name, flaw in zip(names, flaws, strict=True) if flaw]
    return [f"{len(broken)} of {len(names)} {what} are left out: {shortened(broken)}"] if broken else []


def shortened(names: Sequence[str], most: int = 3) -> str:
    """The first names of a list and the number of the others.

    Example:
        >>> shortened(["a", "b", "c", "d", "e"])
        'a, b, c and 2 more'
    """
    rest = len(names) - most
    return ", ".join(names[:most]) + (f" and {rest} more" if rest > 0 else "")


def _flaw_of(path: Path) -> str | None:
    if not is_file(path):
        return "not there"
    try:
        with open_audio(path):
            return None
    except (ValueError, OSError) as error:
        return f"unreadable ({str(error).removeprefix(f'{path} ')})"


def _content(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()
