"""The Batch API: requests in files, answers within a day at half the price; everything known is in the journal."""

from __future__ import annotations

import hashlib
import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from negatives.generator import Request
from negatives.llm.budget import Usage
from negatives.llm.generator import batched, plan
from negatives.llm.journal import BATCH_OPEN, Entry, Journal
from negatives.llm.openai_server import open_client, redact
from negatives.llm.options import ModelOptions
from negatives.llm.prompt import load
from negatives.llm.request import ChatRequest, ModelSettings, PromptItem
from negatives.llm.response import parse_response

if TYPE_CHECKING:
    import openai

MAX_REQUESTS = 10_000
"""Of one batch; OpenAI accepts 50,000 requests and 200 MB."""
_MARK = "compa"
_ENDED = frozenset(["completed", "expired", "cancelled", "failed"])
_TIMEOUT_SECONDS = 600.0


@dataclass
class Collected:
    """What a collection found.

    Attributes:
        waiting: Batches that are not finished, with their state.
        usage: Answers that were read, and their tokens.
        reasons: Items without an answer, by prompt and reason.
        lost: Requests that came back without an answer; `generate` asks them again.
    """

    waiting: dict[str, str] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    reasons: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: int = 0


class BatchAPI:
    """Submits requests in batches and puts the answers into the journal.

    Args:
        client: Of the openai package.
        journal: Knows what has been answered, and what is in open batches.
    """

    def __init__(self, client: openai.OpenAI, journal: Journal) -> None:
        self.client, self.journal, self.rows = client, journal, journal.connection

    def submit(self, batches: Iterable[Sequence[PromptItem]]) -> list[str]:
        """Uploads what is neither answered nor in an open batch, and returns the ids of the new batches."""
        known = {batch for (batch,) in self.rows.execute("SELECT id FROM batches").fetchall()}
        # Batches of a submission that was cut short: the server has them, the journal does not.
        lost = {batch.metadata.get(_MARK): batch for batch in self.client.batches.list() if batch.metadata}
        ids = []
        for requests in batched(self._unknown(batches), MAX_REQUESTS):
            lines = "".join(map(_line, requests)).encode()
            mark = hashlib.sha256(lines).hexdigest()[:32]
            batch = lost.get(mark)
            if batch is None or batch.id in known:
                file = self.client.files.create(file=("compa.jsonl", lines), purpose="batch")
                batch = self.client.batches.create(
                    input_file_id=file.id,
                    endpoint="/v1/chat/completions",
                    completion_window="24h",
                    metadata={_MARK: mark},
                )
            with self.rows:
                self.rows.execute("INSERT INTO batches VALUES (?, ?, ?)", (batch.id, time.time(), BATCH_OPEN))
                described = [(batch.id, request.items[0].key, _describe(request)) for request in requests]
                self.rows.executemany("INSERT INTO batch_requests VALUES (?, ?, ?)", described)
            ids.append(batch.id)
        return ids

    def status(self) -> dict[str, str]:
        """The server's status of each open batch."""
        found = {}
        for name in self.journal.open_batches():
            batch = self.client.batches.retrieve(name)
            counts = batch.request_counts
            done = f", {counts.completed + counts.failed} of {counts.total} requests" if counts else ""
            found[name] = f"{batch.status}{done}"
        return found

    def collect(self) -> Collected:
        """Reads the answers of every batch that has ended into the journal."""
        collected = Collected()
        for name in self.journal.open_batches():
            batch = self.client.batches.retrieve(name)
            if batch.status not in _ENDED:
                collected.waiting[name] = batch.status
                continue
            query = "SELECT custom_id, questions FROM batch_requests WHERE batch = ?"
            asked = dict(self.rows.execute(query, (name,)).fetchall())
            entries: list[Entry] = []
            if batch.output_file_id:
                content = self.client.files.content(batch.output_file_id).text
                entries = list(_entries(redact(content, self.client), asked, collected))
            collected.lost += len(asked) - len(entries)
            self.journal.record(entries)
            with self.rows:
                self.rows.execute("UPDATE batches SET state = ? WHERE id = ?", (batch.status, name))
        return collected

    def _unknown(self, batches: Iterable[Sequence[PromptItem]]) -> Iterator[ChatRequest]:
        query = "SELECT questions FROM batch_requests JOIN batches ON batch = id WHERE state = ?"
        submitted = {
            key for (text,) in self.rows.execute(query, (BATCH_OPEN,)).fetchall() for key in json.loads(text)["keys"]
        }
        for batch in batches:
            known = self.journal.find(batch)
            items = {item.key: item for item in batch if item.key not in known and item.key not in submitted}
            submitted.update(items)
            if items:
                yield ChatRequest(list(items.values()))


def _line(request: ChatRequest) -> str:
    target = {"custom_id": request.items[0].key, "method": "POST", "url": "/v1/chat/completions"}
    return json.dumps(target | {"body": request.body()}, ensure_ascii=False) + "\n"


def _describe(request: ChatRequest) -> str:
    """All that is needed to read the answer later."""
    prompt, settings = request.prompt, request.settings
    record = {
        "prompt": prompt.name,
        "version": prompt.version,
        "num": request.num,
        "settings": [settings.model, settings.temperature, settings.max_answer_tokens],
        "keys": [item.key for item in request.items],
        "items": [dict(item.item) for item in request.items],
    }
    return json.dumps(record, ensure_ascii=False)


def _restore(text: str) -> ChatRequest:
    record = json.loads(text)
    prompt, settings = replace(load(record["prompt"]), version=record["version"]), ModelSettings(*record["settings"])
    pairs = zip(record["keys"], record["items"], strict=True)
    return ChatRequest([PromptItem(prompt, item, record["num"], settings, key) for key, item in pairs])


def _entries(content: str, asked: dict[str, str], collected: Collected) -> Iterator[Entry]:
    """Reads a file of answers; lines that answer nothing that was asked are ignored."""
    waiting = dict(asked)
    for line in content.split("\n"):
        record = _record(line)
        name, response = str(record.get("custom_id")), record.get("response")
        if not isinstance(response, dict) or response.get("status_code") != 200 or name not in waiting:
            continue
        request = _restore(waiting.pop(name))
        raw = json.dumps(response.get("body"), ensure_ascii=False)
        parsed = parse_response(raw, request.ids, request.prompt.schema, request.num, tries=1)
        usage = Usage(1, parsed.tokens_in or 0, parsed.tokens_out or 0)
        collected.usage += usage
        collected.reasons.update((request.prompt.name, result.reason) for result in parsed.results if result.reason)
        yield Entry(raw, request.items, parsed.results, usage)


def _record(line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


def submit(options: ModelOptions, requests: Iterable[Request], journal: Path) -> Iterator[str]:
    """Submits what a model is to propose, and yields lines about it.

    Raises:
        ValueError: If the model is not at a server, or the server refuses.
    """
    if options.model not in options.names or not options.asks_server:
        raise ValueError(f"--model {options.model} needs no batch: give the name of a model at a server")
    settings = options.settings(options.model)
    batches = (
        batch.items for several in batched(requests, options.captions_per_request) for batch in plan(several, settings)
    )
    with _opened(journal, options.base_url) as api:
        ids = api.submit(batches)
    yield from (f"submitted: {name}" for name in ids)
    if not ids:
        yield "nothing to submit: everything is answered or in an open batch"


def status(journal: Path, base_url: str | None) -> Iterator[str]:
    """Yields a line about each open batch."""
    _require(journal)
    with _opened(journal, base_url) as api:
        found = api.status()
    yield from (f"{name}: {state}" for name, state in found.items())
    if not found:
        yield "no batch is open"


def collect(journal: Path, base_url: str | None) -> Iterator[str]:
    """Puts the answers of batches that have ended into the journal, and yields lines about them."""
    _require(journal)
    with _opened(journal, base_url) as api:
        collected = api.collect()
    yield f"collected: {collected.usage}"
    reasons = sorted(collected.reasons.items())
    yield from (f"  no answer on {prompt}, {reason}: {count} captions" for (prompt, reason), count in reasons)
    if collected.lost:
        yield f"  {collected.lost} requests came back without an answer: `generate` asks them again"
    yield from (f"  waiting for {name}: {state}" for name, state in collected.waiting.items())


def _require(journal: Path) -> None:
    if not journal.exists():
        raise ValueError(f"{journal}: no such journal: give the one that was given to `submit`")


@contextmanager
def _opened(journal: Path, base_url: str | None) -> Iterator[BatchAPI]:
    import openai

    with closing(Journal(journal)) as opened, open_client(base_url, _TIMEOUT_SECONDS) as client:
        try:
            yield BatchAPI(client, opened)
        except openai.APIError as error:
            raise ValueError(f"the server refuses: {redact(str(error), client)[:300]}: run again later") from None
