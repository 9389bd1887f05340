"""The Batch API: requests in files, answers within a day at half the price; all that is known is in the journal."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from negatives.llm.budget import Prices, Spent
from negatives.llm.chat import Chat, Question, Settings
from negatives.llm.journal import Entry, Journal
from negatives.llm.prompt import load
from negatives.llm.response import read
from negatives.llm.server import redactor

if TYPE_CHECKING:
    import openai

MAX_REQUESTS, MAX_BYTES = 50_000, 150_000_000
"""Of one batch; OpenAI takes as many requests and 200 MB."""
SUBMITTING, OPEN, COLLECTED, FAILED = "submitting", "open", "collected", "failed"
_MARK = "compa"
_ENDED = frozenset(["completed", "expired", "cancelled", "failed"])


@dataclass
class Collected:
    """What a collection found.

    Attributes:
        waiting: Batches that are not finished, with their state.
        requests: Answers that were read.
        spent: Tokens of them.
        reasons: Questions without an answer, by prompt and reason.
        lost: Requests that came back without an answer; `generate` asks them again.
    """

    waiting: dict[str, str] = field(default_factory=dict)
    requests: int = 0
    spent: Spent = field(default_factory=Spent)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: int = 0


class Batches:
    """Submits questions in batches and puts the answers into the journal.

    Args:
        client: Of the openai package, not the asynchronous one.
        journal: Knows what has been answered, and what is under way.
    """

    def __init__(self, client: openai.OpenAI, journal: Journal) -> None:
        self.client = client
        self.redact = redactor(client.api_key)
        self.journal = journal
        self.rows: sqlite3.Connection = journal.connection()

    def submit(self, sheets: Iterable[Sequence[Question]]) -> list[str]:
        """Uploads what is neither answered nor under way, and gives the ids of the new batches."""
        self._find_lost()
        ids = []
        for chats in _limited(self._unknown(sheets)):
            lines = "".join(_line(chat) for chat in chats).encode()
            mark = hashlib.sha256(lines).hexdigest()[:32]
            with self.rows:
                self.rows.execute("INSERT INTO batches VALUES (?, ?, ?)", (mark, time.time(), SUBMITTING))
                described = [(mark, _name(chat), _describe(chat)) for chat in chats]
                self.rows.executemany("INSERT INTO batch_requests VALUES (?, ?, ?)", described)
            file = self.client.files.create(file=("compa.jsonl", lines), purpose="batch")
            batch = self.client.batches.create(
                input_file_id=file.id,
                endpoint="/v1/chat/completions",
                completion_window="24h",
                metadata={_MARK: mark},
            )
            self._rename(mark, batch.id)
            ids.append(batch.id)
        return ids

    def open_batches(self) -> list[str]:
        """Ids of batches that have not been collected, the oldest first."""
        return [name for (name,) in self.rows.execute("SELECT id FROM batches WHERE state = ? ORDER BY at", (OPEN,))]

    def status(self) -> dict[str, str]:
        """What the server says of each open batch."""
        found = {}
        for name in self.open_batches():
            batch = self.client.batches.retrieve(name)
            counts = batch.request_counts
            done = f", {counts.completed + counts.failed} of {counts.total} requests" if counts else ""
            found[name] = f"{batch.status}{done}"
        return found

    def collect(self, prices: Prices) -> Collected:
        """Reads the answers of every batch that has ended into the journal."""
        collected = Collected()
        for name in self.open_batches():
            batch = self.client.batches.retrieve(name)
            if batch.status not in _ENDED:
                collected.waiting[name] = batch.status
                continue
            asked = dict(
                self.rows.execute("SELECT custom_id, questions FROM batch_requests WHERE batch = ?", (name,)).fetchall()
            )
            entries: list[Entry] = []
            if batch.output_file_id:
                content = self.client.files.content(batch.output_file_id).text
                entries = list(_entries(self.redact(content), asked, prices, collected))
            collected.lost += len(asked) - len(entries)
            self.journal.record_now(entries)
            with self.rows:
                state = COLLECTED if batch.status == "completed" else FAILED
                self.rows.execute("UPDATE batches SET state = ? WHERE id = ?", (state, name))
        return collected

    def _find_lost(self) -> None:
        """Looks up whether a batch was made whose submission was cut short, so that it is not paid for twice."""
        marks = {name for (name,) in self.rows.execute("SELECT id FROM batches WHERE state = ?", (SUBMITTING,))}
        if not marks:
            return
        for batch in self.client.batches.list():
            mark = (batch.metadata or {}).get(_MARK)
            if mark is not None and mark in marks:
                self._rename(mark, batch.id)
                marks.remove(mark)
        with self.rows:
            for mark in marks:
                self.rows.execute("DELETE FROM batches WHERE id = ?", (mark,))
                self.rows.execute("DELETE FROM batch_requests WHERE batch = ?", (mark,))

    def _rename(self, mark: str, name: str) -> None:
        with self.rows:
            self.rows.execute("UPDATE batches SET id = ?, state = ? WHERE id = ?", (name, OPEN, mark))
            self.rows.execute("UPDATE batch_requests SET batch = ? WHERE batch = ?", (name, mark))

    def _unknown(self, sheets: Iterable[Sequence[Question]]) -> Iterator[Chat]:
        under_way = {
            key
            for (text,) in self.rows.execute(
                "SELECT questions FROM batch_requests JOIN batches ON batch = id WHERE state = ?", (OPEN,)
            )
            for key in json.loads(text)["keys"]
        }
        for sheet in sheets:
            known = self.journal.find(sheet)
            questions = [asked for asked in sheet if asked.key not in known and asked.key not in under_way]
            questions = list({asked.key: asked for asked in questions}.values())
            under_way.update(asked.key for asked in questions)
            if questions:
                yield Chat(questions)


def _limited(chats: Iterable[Chat]) -> Iterator[list[Chat]]:
    """Lists of requests that are small enough for one batch."""
    batch: list[Chat] = []
    size = 0
    for chat in chats:
        length = len(_line(chat).encode())
        if batch and (len(batch) == MAX_REQUESTS or size + length > MAX_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(chat)
        size += length
    if batch:
        yield batch


def _name(chat: Chat) -> str:
    return chat.questions[0].key


def _line(chat: Chat) -> str:
    record = {"custom_id": _name(chat), "method": "POST", "url": "/v1/chat/completions", "body": chat.body()}
    return json.dumps(record, ensure_ascii=False) + "\n"


def _describe(chat: Chat) -> str:
    """All that is needed to read the answer, whenever and wherever that will be."""
    first, settings = chat.questions[0], chat.settings
    return json.dumps(
        {
            "prompt": first.prompt.name,
            "version": first.prompt.version,
            "num": first.num,
            "settings": [settings.model, settings.temperature, settings.max_answer_tokens],
            "keys": [asked.key for asked in chat.questions],
            "items": [dict(asked.item) for asked in chat.questions],
        },
        ensure_ascii=False,
    )


def _restore(text: str) -> Chat:
    record = json.loads(text)
    prompt, settings = replace(load(record["prompt"]), version=record["version"]), Settings(*record["settings"])
    pairs = zip(record["keys"], record["items"], strict=True)
    return Chat([Question(prompt, item, record["num"], settings, key) for key, item in pairs])


def _entries(content: str, asked: dict[str, str], prices: Prices, collected: Collected) -> Iterator[Entry]:
    """Reads a file of answers; lines that answer nothing that was asked are ignored."""
    waiting = dict(asked)
    for line in content.split("\n"):
        record = _record(line)
        name, response = record.get("custom_id"), record.get("response")
        if not isinstance(response, dict) or response.get("status_code") != 200 or str(name) not in waiting:
            continue
        chat = _restore(waiting.pop(str(name)))
        raw = json.dumps(response.get("body"), ensure_ascii=False)
        reading = read(raw, chat.ids, chat.schema, chat.questions[0].num, tries=1)
        spent = Spent(1, reading.tokens_in or 0, reading.tokens_out or 0)
        collected.requests += 1
        collected.spent.add(spent)
        collected.reasons.update((chat.questions[0].prompt.name, o.reason) for o in reading.outcomes if o.reason)
        yield Entry(raw, chat.questions, reading.outcomes, spent, prices.cost(spent.tokens_in, spent.tokens_out))


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
