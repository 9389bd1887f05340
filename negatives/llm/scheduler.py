"""Schedules requests, many at once: what the journal knows is not sent, what fails is asked again in smaller ones."""

from __future__ import annotations

import itertools
import queue
import threading
import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType

from negatives.llm.budget import Usage
from negatives.llm.client import RetryingClient
from negatives.llm.journal import Entry, Journal
from negatives.llm.request import ChatRequest, PromptItem
from negatives.llm.response import MAX_TRIES, NO_ANSWER, OVER_BUDGET, ItemResult

WINDOW = 8
"""Batches that are read ahead, for each request in flight."""
GRACE_SECONDS = 5.0
"""How long requests in flight may go on when a run ends early; their answers are kept."""
SILENCE_SECONDS = 20.0


@dataclass(eq=False)
class _Pending:
    """An item on its way to a result."""

    item: PromptItem
    result: ItemResult | None = None


@dataclass
class _Part:
    """Items of a batch that are asked in one request."""

    pending: Sequence[_Pending]
    batch_size: int
    tries: int


class RequestScheduler:
    """Answers batches of prompt items in order, reading no further ahead than keeps the model busy.

    Args:
        client: Completes requests; its threads are daemons, so that none of them outlives a run that ends early.
        journal: Knows what has been answered.
        concurrency: Requests in flight at most.

    Attributes:
        reasons: Items without an answer, by prompt and reason.
        num_from_journal: Items whose answer was there already.
    """

    def __init__(self, client: RetryingClient, journal: Journal, concurrency: int) -> None:
        self.client, self.journal, self.concurrency = client, journal, concurrency
        self.reasons: Counter[tuple[str, str]] = Counter()
        self.num_from_journal = 0
        self._parts: queue.PriorityQueue[tuple[int, int, _Part | None]] = queue.PriorityQueue()
        self._number = itertools.count()
        self._threads: list[threading.Thread] = []
        self._in_flight: dict[str, _Pending] = {}
        self._changed = threading.Condition()
        self._error: Exception | None = None

    def __enter__(self) -> RequestScheduler:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.client.stop()
        for _ in self._threads:
            self._parts.put((-MAX_TRIES - 1, next(self._number), None))
        deadline = time.monotonic() + GRACE_SECONDS
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        self.client.model.close()
        self.journal.close()

    def answer(self, batches: Iterable[Sequence[PromptItem]]) -> Iterator[list[ItemResult]]:
        """Yields the results of each batch, parallel to its items, which share prompt and settings.

        Raises:
            FatalServerError: If the server will not answer; what it has answered is in the journal.
        """
        while len(self._threads) < self.concurrency:
            self._threads.append(threading.Thread(target=self._work, name="llm", daemon=True))
            self._threads[-1].start()
        window: deque[list[_Pending]] = deque()
        for batch in batches:
            window.append(self._submit(batch))
            if len(window) >= WINDOW * self.concurrency:
                yield self._collect(window.popleft())
        while window:
            yield self._collect(window.popleft())

    def _submit(self, batch: Sequence[PromptItem]) -> list[_Pending]:
        """Queues what neither the journal nor a request in flight answers."""
        known = self.journal.find(batch)
        submitted: list[_Pending] = []
        to_ask: dict[int, list[_Pending]] = {}
        for item in batch:
            before = known.get(item.key, ItemResult())
            if before.is_final:
                self.num_from_journal += 1
                pending = _Pending(item, before)
            elif item.key in self._in_flight:
                pending = self._in_flight[item.key]
            else:
                pending = self._in_flight[item.key] = _Pending(item)
                to_ask.setdefault(before.tries, []).append(pending)
            submitted.append(pending)
        for tries, part in to_ask.items():
            self._queue(part, len(batch), tries)
        return submitted

    def _queue(self, pending: Sequence[_Pending], batch_size: int, tries: int) -> None:
        """Queues items in parts that get smaller with each try, before those that have been asked less often."""
        size = (batch_size, max(1, batch_size // 3), 1)[tries]
        for start in range(0, len(pending), size):
            self._parts.put((-tries, next(self._number), _Part(pending[start : start + size], batch_size, tries)))

    def _collect(self, batch: Sequence[_Pending]) -> list[ItemResult]:
        """Waits until a batch has all its results, or anything has failed."""

        def is_over() -> bool:
            return self._error is not None or all(pending.result for pending in batch)

        with self._changed:
            if not self._changed.wait_for(is_over, SILENCE_SECONDS):
                if not self.client.num_answers and not self.client.failures:
                    self.client.report(f"no answer yet after {SILENCE_SECONDS:.0f} s; waiting for the first one")
                self._changed.wait_for(is_over)
            if self._error is not None:
                raise self._error
        results = [pending.result for pending in batch if pending.result]
        for pending, result in zip(batch, results, strict=True):
            if self._in_flight.get(pending.item.key) is pending:
                del self._in_flight[pending.item.key]
            if result.reason:
                self.reasons[pending.item.prompt.name, result.reason] += 1
        return results

    def _work(self) -> None:
        while (part := self._parts.get()[-1]) is not None:
            try:
                self._ask(part)
            except Exception as error:  # every batch that waits gets to know it
                with self._changed:
                    self._error = self._error or error
                    self._changed.notify_all()
                self.client.stop()

    def _ask(self, part: _Part) -> None:
        tries = part.tries + 1
        items = [pending.item for pending in part.pending]
        raw, parsed = self.client.complete(ChatRequest(items), tries)
        if raw:
            usage = Usage(1, parsed.tokens_in or 0, parsed.tokens_out or 0)
            self.journal.record([Entry(raw, items, parsed.results, usage)])
        self.client.check()
        again = []
        with self._changed:
            for pending, result in zip(part.pending, parsed.results, strict=True):
                if result.reason in (None, NO_ANSWER, OVER_BUDGET) or tries == MAX_TRIES:
                    pending.result = result
                else:
                    again.append(pending)
            self._changed.notify_all()
        if again:
            self._queue(again, part.batch_size, tries)
