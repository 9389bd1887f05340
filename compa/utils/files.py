"""Files that appear whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"
"""Names of files that are being written end so; after a kill they may be left behind, and hold nothing of worth."""


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that takes its name only when it is complete and on the disk; a failed one is removed."""
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("w+b") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is there with all of its content, or as it was before."""
    with whole_file(path) as file:
        file.write(content)


def sha256_of(file: BinaryIO) -> str:
    """Digests what is left to read of a file, a mebibyte at a time."""
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Brings a file's new name to the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
