"""The journal: every raw answer beside what was read in it, in one SQLite file that survives a kill."""

from __future__ import annotations

import asyncio
import json
import queue
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from pydantic_core import to_json

from negatives.llm.budget import Spent
from negatives.llm.chat import Question
from negatives.llm.response import Outcome

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS responses (
    id INTEGER PRIMARY KEY, at REAL, model TEXT, prompt TEXT, version TEXT, tokens_in INTEGER, tokens_out INTEGER,
    cost REAL, raw TEXT);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, response INTEGER, item TEXT, texts TEXT, reason TEXT, tries INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batches (id TEXT PRIMARY KEY, at REAL, state TEXT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS batch_requests (
    batch TEXT, custom_id TEXT, questions TEXT, PRIMARY KEY (batch, custom_id)) WITHOUT ROWID;
"""
_MAX_VARIABLES = 500


@dataclass(frozen=True)
class Entry:
    """One response and the outcomes that were read in it.

    Attributes:
        raw: The body, as it came.
        questions: That were asked, parallel to the outcomes.
        outcomes: What came of them.
        spent: What the request took.
        cost: In the currency of the prices.
    """

    raw: str
    questions: Sequence[Question]
    outcomes: Sequence[Outcome]
    spent: Spent
    cost: float


class Journal:
    """Reads at once and writes in a thread of its own, all that waits in one transaction.

    What is committed outlives the process; a power cut can lose the last moments, never the file.

    Args:
        path: Of the file; made where there is none.

    Raises:
        ValueError: If the file is something else.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._reader = sqlite3.connect(path, timeout=60)
        except sqlite3.Error as error:
            raise ValueError(f"{path}: {error}: choose another --journal") from None
        try:
            self._set_up()
        except (sqlite3.DatabaseError, ValueError) as error:
            self._reader.close()
            if isinstance(error, ValueError):
                raise
            raise ValueError(f"{path} is no journal ({error}): choose another --journal") from None
        self._entries: queue.SimpleQueue[tuple[Entry, asyncio.Future[None]] | None] = queue.SimpleQueue()
        self._writer = threading.Thread(target=self._write_all, name="journal", daemon=True)
        self._error: Exception | None = None
        self._writer.start()

    def find(self, questions: Sequence[Question]) -> dict[str, Outcome]:
        """What is known of questions, by key: answers, and failures with the number of tries."""
        keys = [asked.key for asked in questions]
        found: dict[str, Outcome] = {}
        for start in range(0, len(keys), _MAX_VARIABLES):
            part = keys[start : start + _MAX_VARIABLES]
            marks = ",".join("?" * len(part))
            rows = self._reader.execute(f"SELECT key, texts, reason, tries FROM answers WHERE key IN ({marks})", part)
            found |= {key: Outcome(tuple(json.loads(texts)), reason, tries) for key, texts, reason, tries in rows}
        return found

    async def record(self, entry: Entry) -> None:
        """Returns when an entry is committed."""
        committed = asyncio.get_running_loop().create_future()
        self._entries.put((entry, committed))
        await committed

    def record_now(self, entries: Iterable[Entry]) -> None:
        """Commits entries before it returns; for use where no event loop runs."""
        with self._reader:
            _insert(self._reader, entries)

    def connection(self) -> sqlite3.Connection:
        """For the tables of batches; use it in the thread that opened the journal."""
        return self._reader

    def close(self) -> None:
        """Writes what waits, and closes the file.

        Raises:
            OSError: If something could not be written.
        """
        self._entries.put(None)
        self._writer.join()
        self._reader.close()
        if self._error:
            raise OSError(f"{self.path}: {self._error}")

    def _set_up(self) -> None:
        [version] = self._reader.execute("PRAGMA user_version").fetchone()
        if version not in (0, VERSION):
            raise ValueError(f"{self.path} is a journal of version {version}, not {VERSION}: choose another --journal")
        self._reader.execute("PRAGMA journal_mode = WAL").fetchone()
        self._reader.executescript(_SCHEMA + f"PRAGMA user_version = {VERSION};")

    def _write_all(self) -> None:
        with closing(sqlite3.connect(self.path, timeout=60)) as connection:
            connection.execute("PRAGMA synchronous = NORMAL")
            for batch in self._batches():
                try:
                    with connection:
                        _insert(connection, (entry for entry, _ in batch))
                except sqlite3.Error as error:
                    self._error = error
                _tell([committed for _, committed in batch], self._error)

    def _batches(self) -> Iterator[list[tuple[Entry, asyncio.Future[None]]]]:
        while (item := self._entries.get()) is not None:
            batch = [item]
            while not self._entries.empty():
                following = self._entries.get()
                if following is None:
                    yield batch
                    return
                batch.append(following)
            yield batch


def _insert(connection: sqlite3.Connection, entries: Iterable[Entry]) -> None:
    for entry in entries:
        first, spent = entry.questions[0], entry.spent
        prompt = first.prompt
        row = (time.time(), first.settings.model, prompt.name, prompt.version, spent.tokens_in, spent.tokens_out)
        response = connection.execute(
            "INSERT INTO responses (at, model, prompt, version, tokens_in, tokens_out, cost, raw) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*row, entry.cost, entry.raw),
        ).lastrowid
        connection.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            [
                (asked.key, response, _json(dict(asked.item)), _json(outcome.values), outcome.reason, outcome.tries)
                for asked, outcome in zip(entry.questions, entry.outcomes, strict=True)
            ],
        )


def _json(value: object) -> str:
    return to_json(value).decode()


def _tell(futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    """Wakes those who wait, in one call for all."""

    def wake() -> None:
        for future in futures:
            if not future.done():
                future.set_exception(OSError(str(error))) if error else future.set_result(None)

    loop = futures[0].get_loop()
    if not loop.is_closed():
        loop.call_soon_threadsafe(wake)
