"""A cache on disk: blobs by key in one SQLite file, which several processes on one machine may share."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

_VERSION = 1
_MAX_VARIABLES = 500  # keys per query: old versions of SQLite accept some hundreds only


class Store:
    """Blobs by key.

    A store holds nothing that cannot be computed again, so a full disk is a warning and not an error, and the file may
    be deleted whenever no process uses it. What one call of `put` adds is there completely or not at all, whenever the
    process is killed.

    Args:
        path: The file, made with its folder where missing; None keeps everything in memory.

    Raises:
        ValueError: If the file exists and is not such a store, or cannot be written.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path
        self._is_full = False
        try:
            if path:
                path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(path or ":memory:", timeout=60, check_same_thread=False)
            self._set_up()
        except (sqlite3.Error, OSError) as error:
            raise ValueError(f"{path} cannot be used as a cache ({error}): choose another folder") from None

    def get(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        """The blobs of those keys that are there."""
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), _MAX_VARIABLES):
            some = keys[start : start + _MAX_VARIABLES]
            places = ",".join("?" * len(some))
            found |= dict(self._database.execute(f"SELECT key, blob FROM blobs WHERE key IN ({places})", some))
        return found

    def put(self, blobs: Mapping[bytes, bytes], required: bool = False) -> None:
        """Adds blobs, replacing those of the same keys.

        Args:
            blobs: By key.
            required: Whether a full disk is an error, for a caller that reads the blobs again.

        Raises:
            OSError: If they are required and cannot be written.
        """
        try:
            with self._database:
                self._database.executemany("INSERT OR REPLACE INTO blobs VALUES (?, ?)", list(blobs.items()))
        except sqlite3.Error as error:
            if required:
                raise OSError(f"{self.path} cannot be written ({error})") from None
            if not self._is_full:
                self._is_full = True
                warnings.warn(f"{self.path} stores nothing further ({error})", stacklevel=2)

    def close(self) -> None:
        """Closes the file."""
        self._database.close()

    def _set_up(self) -> None:
        [version] = self._database.execute("PRAGMA user_version").fetchone()
        if version not in (0, _VERSION):
            raise sqlite3.DatabaseError(f"its version is {version}, not {_VERSION}")
        self._database.execute("PRAGMA page_size = 16384")  # for a new file: some embeddings per page
        self._database.execute("PRAGMA journal_mode = WAL").fetchone()
        self._database.execute("PRAGMA synchronous = NORMAL")  # a power cut may lose the last blobs, never the file
        self._database.executescript(
            "CREATE TABLE IF NOT EXISTS blobs (key BLOB PRIMARY KEY, blob BLOB NOT NULL);"
            f"PRAGMA user_version = {_VERSION};"
        )
