"""An item of a published benchmark as its files name it, before anything is known of its sounds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Draft:
    """Two or three captions and sounds.

    Attributes:
        name: What the item is called, after its first sound.
        captions: The texts.
        files: The sounds, in the same order; they may not be there.
        sources: What each sound was taken from, as far as the files tell.
        where: The place in the table.
        flaw: What is wrong with it, if anything.
    """

    name: str
    captions: tuple[str, ...]
    files: tuple[Path, ...]
    sources: tuple[str, ...]
    where: str
    flaw: str | None = None
