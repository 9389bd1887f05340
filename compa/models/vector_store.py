"""Vectors on the disk by key, in one SQLite file."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

MAX_ASKED = 500
"""Keys of one query; old versions of SQLite allow no more than some hundreds."""


class VectorStore:
    """A database of float32 vectors by their keys, for any number of processes on one machine.

    Args:
        path: The file, which is created if it is missing.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(path, timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def read(self, keys: Sequence[bytes]) -> dict[bytes, NDArray[np.float32]]:
        """Reads the vectors of keys; missing ones are left out."""
        found: dict[bytes, NDArray[np.float32]] = {}
        for start in range(0, len(keys), MAX_ASKED):
            asked = keys[start : start + MAX_ASKED]
            query = f"SELECT text, vector FROM vectors WHERE text IN ({','.join('?' * len(asked))})"
            found |= {key: np.frombuffer(vector, np.float32) for key, vector in self._database.execute(query, asked)}
        return found

    def write(self, vectors: Iterable[tuple[bytes, NDArray[np.float32]]]) -> None:
        """Adds vectors, all or none; existing ones are kept."""
        rows = [(key, np.ascontiguousarray(vector, dtype=np.float32).tobytes()) for key, vector in vectors]
        self._database.execute("BEGIN IMMEDIATE")
        self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)
        self._database.execute("COMMIT")

    def close(self) -> None:
        """Closes the file."""
        self._database.close()
