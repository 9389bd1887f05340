"""An item of a published benchmark as its files list it, before its sounds are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class RawItem:
    """Two or three captions and sounds.

    Attributes:
        name: The item's name, after its first sound.
        captions: The texts.
        files: The sounds, in the same order; they may be missing.
        sources: What each sound was taken from, as far as the files say.
        where: The place in the table, for messages.
        flaw: What is wrong with the item; None for a complete one.
    """

    name: str
    captions: tuple[str, ...]
    files: tuple[Path, ...]
    sources: tuple[str, ...]
    where: str
    flaw: str | None = None
