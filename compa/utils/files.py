"""Files that appear whole or not at all, whenever the process or the machine stops."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PARTIAL = ".partial"
"""How names of files end that are being written; a kill may leave them behind, and they can be deleted."""


@contextmanager
def whole_file(path: Path, *, sync: bool = True) -> Iterator[BinaryIO]:
    """Opens a file that gets its name only when it is complete; one that fails is removed.

    All files that another process or a later run reads are written here.

    Args:
        path: The file; its folder exists.
        sync: Whether to wait until the file is on the disk, so that it is whole after a power cut, too. Without it only
            a kill is survived, which is enough for a cache whose reader checks what it finds.
    """
    partial = path.with_name(f"{path.name}.{os.getpid()}{PARTIAL}")
    try:
        with partial.open("w+b") as file:
            yield file
            if sync:
                file.flush()
                os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    if sync:
        _sync_folder(path.parent)


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that is there with all of its content, or as it was before."""
    with whole_file(path) as file:
        file.write(content)


def is_file(path: Path) -> bool:
    """Whether a path is that of a file; one that no file can have is not."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long, or with a zero byte
        return False


def sha256_of(file: BinaryIO) -> str:
    """Digests what is left to read of a file, a mebibyte at a time."""
    digest = hashlib.sha256()
    while block := file.read(2**20):
        digest.update(block)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    """Writes a file's new name to the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
