"""Embeddings on the disk, so that each audio and each text is embedded once a model, not once a run."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Row: TypeAlias = NDArray[np.float32]
FILE_NAME = "embeddings.sqlite"
_SCHEMA = """
CREATE TABLE IF NOT EXISTS embeddings (key BLOB PRIMARY KEY, row BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS files (path TEXT PRIMARY KEY, size INTEGER, changed INTEGER, digest BLOB) WITHOUT ROWID;
"""
_VERSION = 1
_MAX_VARIABLES = 500
_SETTLED_SECONDS = 2.0
"""A file that changed later than this may change again within one tick of its clock: it is read anew next time."""


class EmbeddingCache:
    """Rows by model and content, and contents of files by name, size and time of change.

    Any number of runs may share a folder at once, on one machine. It holds nothing that cannot be made again, so it may
    be deleted whenever no run uses it. It grows: 256 dimensions take a kilobyte for each audio and each text.

    Args:
        folder: Made where it is missing; None keeps everything in memory, for this run alone.

    Raises:
        ValueError: If the file there is no such cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.path = folder / FILE_NAME if folder else None
        self._is_full = False
        try:
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path or ":memory:", timeout=60, check_same_thread=False)
            self._set_up()
        except (sqlite3.Error, OSError) as error:
            raise ValueError(f"{self.path} is no cache of embeddings ({error}): choose another --cache") from None

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """The rows that are there, by their keys."""
        found = self._select("SELECT key, row FROM embeddings WHERE key IN ({})", keys)
        return {key: np.frombuffer(row, dtype=np.float32) for key, row in found}

    def keep(self, rows: Mapping[bytes, Row]) -> None:
        """Adds rows; after a kill those of a call are all there or none is."""
        values = [(key, np.ascontiguousarray(row, dtype=np.float32).tobytes()) for key, row in rows.items()]
        self._insert("INSERT OR IGNORE INTO embeddings VALUES (?, ?)", values)

    def known_files(self, paths: Sequence[Path]) -> dict[Path, bytes]:
        """Digests of the files that are as they were when they were read."""
        by_name = {str(path.absolute()): path for path in paths}
        found = self._select("SELECT path, size, changed, digest FROM files WHERE path IN ({})", list(by_name))
        return {
            by_name[name]: digest
            for name, size, changed, digest in found
            if _state(by_name[name]) == (size, changed) and not _is_fresh(changed)
        }

    def keep_files(self, digests: Mapping[Path, bytes]) -> None:
        """Remembers files by name, size and time of change; one that just changed is not remembered."""
        values = [
            (str(path.absolute()), size, changed, digest)
            for path, digest in digests.items()
            for size, changed in [_state(path)]
            if not _is_fresh(changed)
        ]
        self._insert("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?)", values)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _set_up(self) -> None:
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"its version is {version}, not {_VERSION}")
        self._database.execute("PRAGMA page_size = 16384")  # of a new file: a few rows a page
        self._database.execute("PRAGMA journal_mode = WAL").fetchone()
        self._database.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last rows, never the file
        self._database.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")

    def _select(self, query: str, keys: Sequence[bytes] | Sequence[str]) -> Iterator[tuple[Any, ...]]:
        for start in range(0, len(keys), _MAX_VARIABLES):
            some = keys[start : start + _MAX_VARIABLES]
            yield from self._database.execute(query.format(",".join("?" * len(some))), some)

    def _insert(self, statement: str, values: Sequence[tuple[object, ...]]) -> None:
        try:
            with self._database:
                self._database.executemany(statement, values)
        except sqlite3.Error as error:
            if not self._is_full:
                self._is_full = True
                warnings.warn(f"{self.path} keeps no further embeddings ({error})", stacklevel=2)


def cache_folder() -> Path:
    """Where caches of compa are by default: `compa` in `$XDG_CACHE_HOME`, which is `~/.cache` where it is not set."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compa"


def key_of(model: str, kind: str, content: bytes) -> bytes:
    """The key of a row.

    Args:
        model: Fingerprint of the model, its preprocessing included.
        kind: `audio` or `text`.
        content: What was embedded, or its digest.
    """
    return hashlib.blake2b(content, digest_size=20, key=_secret(kind, model)).digest()


@lru_cache(maxsize=64)
def _secret(kind: str, model: str) -> bytes:
    return hashlib.sha256(f"{kind} {model}".encode()).digest()


def _state(path: Path) -> tuple[int, int]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns


def _is_fresh(changed: int) -> bool:
    return time.time() - changed / 1e9 < _SETTLED_SECONDS
