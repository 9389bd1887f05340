"""The journal: every raw answer beside what was parsed from it, in one SQLite file that survives a kill."""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_json

from negatives.llm.budget import Usage
from negatives.llm.request import PromptItem
from negatives.llm.response import ItemResult

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    id INTEGER PRIMARY KEY, at REAL, model TEXT, prompt TEXT, version TEXT, tokens_in INTEGER, tokens_out INTEGER,
    raw TEXT);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, response INTEGER, item TEXT, texts TEXT, reason TEXT, tries INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, at REAL, state TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_requests (
    batch TEXT, custom_id TEXT, questions TEXT, PRIMARY KEY (batch, custom_id)) WITHOUT ROWID;
"""
BATCH_OPEN = "open"


@dataclass(frozen=True)
class Entry:
    """One response and the results that were parsed from it.

    Attributes:
        raw: The body, as it came.
        items: That were asked, parallel to the results.
        results: Those that are not about their item are not written down, so that the next run asks again.
        usage: Of the request.
    """

    raw: str
    items: Sequence[PromptItem]
    results: Sequence[ItemResult]
    usage: Usage


class Journal:
    """Reads and writes; used by several threads.

    What is committed outlives the process; a power cut can lose the last moments, never the file.

    Args:
        path: Of the file; made where there is none.

    Attributes:
        connection: For the tables of batches; only while no other thread uses the journal.

    Raises:
        ValueError: If the file is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.connection = sqlite3.connect(path, timeout=60, check_same_thread=False)
        except sqlite3.Error as error:
            raise ValueError(f"{path}: {error}: choose another --journal") from None
        self._lock = threading.Lock()
        try:
            self._set_up()
        except (sqlite3.DatabaseError, ValueError) as error:
            self.connection.close()
            if isinstance(error, ValueError):
                raise
            raise ValueError(f"{path} is not a journal ({error}): choose another --journal") from None

    def find(self, items: Sequence[PromptItem]) -> dict[str, ItemResult]:
        """What is known of items, by key: answers, and failures with the number of tries."""
        keys = [item.key for item in items]
        query = f"SELECT key, texts, reason, tries FROM answers WHERE key IN ({','.join('?' * len(keys))})"
        with self._lock:
            rows = self.connection.execute(query, keys).fetchall()
        return {key: ItemResult(tuple(json.loads(texts)), reason, tries) for key, texts, reason, tries in rows}

    def record(self, entries: Iterable[Entry]) -> None:
        """Commits entries before it returns.

        Raises:
            OSError: If they cannot be written.
        """
        try:
            with self._lock, self.connection:
                for entry in entries:
                    self._insert(entry)
        except sqlite3.Error as error:
            raise OSError(f"{self.path}: {error}") from None

    def open_batches(self) -> list[str]:
        """Ids of batches whose answers have not been collected, the oldest first."""
        rows = self.connection.execute("SELECT id FROM batches WHERE state = ? ORDER BY at", (BATCH_OPEN,))
        return [batch for (batch,) in rows.fetchall()]

    def close(self) -> None:
        """Closes the file."""
        with self._lock:
            self.connection.close()

    def _set_up(self) -> None:
        [version] = self.connection.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise ValueError(f"{self.path} is a journal of version {version}, not {VERSION}: choose another --journal")
        self.connection.execute("PRAGMA journal_mode = WAL").fetchone()
        self.connection.execute("PRAGMA synchronous = NORMAL")
        self.connection.executescript(_SCHEMA + f"PRAGMA user_version = {VERSION};")

    def _insert(self, entry: Entry) -> None:
        first, usage = entry.items[0], entry.usage
        row = (time.time(), first.settings.model, first.prompt.name, first.prompt.version)
        response = self.connection.execute(
            "INSERT INTO responses (at, model, prompt, version, tokens_in, tokens_out, raw) "
            "VALUES (?, ?, ?, ?, ?, ?, ?)",
            (*row, usage.tokens_in, usage.tokens_out, entry.raw),
        ).lastrowid
        self.connection.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            [
                (item.key, response, _json(dict(item.item)), _json(result.values), result.reason, result.tries)
                for item, result in zip(entry.items, entry.results, strict=True)
                if result.is_about_item
            ],
        )


def _json(value: object) -> str:
    return to_json(value).decode()
