"""Asks questions, many at once: what the journal knows is not sent, what fails is asked again in smaller requests."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from types import TracebackType
from typing import Any

from negatives.llm.budget import Spent
from negatives.llm.chat import Chat, Question
from negatives.llm.client import Courier
from negatives.llm.journal import Entry, Journal
from negatives.llm.response import MAX_TRIES, NO_ANSWER, OVER_BUDGET, Outcome

WINDOW = 8
_NOT_FINAL = (NO_ANSWER, OVER_BUDGET)
"""What says nothing of a question itself: it is not written down, so that the next run asks again."""


class Asker:
    """Answers sheets of questions in order, reading no further ahead than keeps the model busy.

    It has an event loop of its own, which runs only while a caller waits for an answer.

    Args:
        courier: Takes requests to the model.
        journal: Knows what has been answered.
        concurrency: Requests in flight at most; an answer is in flight until it is in the journal.
    """

    def __init__(self, courier: Courier, journal: Journal, concurrency: int) -> None:
        self.courier = courier
        self.journal = journal
        self.reasons: Counter[tuple[str, str]] = Counter()
        """Questions without an answer, by prompt and reason."""
        self.from_journal = 0
        """Questions whose answer was there already."""
        self.concurrency = concurrency
        self._window = WINDOW * concurrency
        self._loop = asyncio.new_event_loop()
        self._slots = asyncio.Semaphore(concurrency)
        self._in_flight: dict[str, asyncio.Future[Outcome]] = {}
        self._failure: asyncio.Future[None] = self._loop.create_future()

    def __enter__(self) -> Asker:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.run_until_complete(self._stop())
        self._loop.close()
        self.journal.close()

    def ask(self, sheets: Iterable[Sequence[Question]]) -> Iterator[list[Outcome]]:
        """Yields the outcomes of each sheet, parallel to its questions, which share prompt and settings.

        Raises:
            Stopped: If the server will not answer; what it has answered is in the journal.
        """
        window: deque[asyncio.Task[list[Outcome]]] = deque()
        for sheet in sheets:
            window.append(self._loop.create_task(self._try_to_answer(sheet)))
            if len(window) >= self._window:
                yield self._wait_for(window.popleft())
        while window:
            yield self._wait_for(window.popleft())

    def _wait_for(self, task: asyncio.Task[list[Outcome]]) -> list[Outcome]:
        if task.done():  # let what else has arrived be served
            self._loop.run_until_complete(asyncio.sleep(0))
        else:
            first: set[asyncio.Future[Any]] = {task, self._failure}
            either = asyncio.wait(first, return_when=asyncio.FIRST_COMPLETED)
            self._loop.run_until_complete(either)
        if self._failure.done():
            self._failure.result()
        return task.result()

    async def _try_to_answer(self, sheet: Sequence[Question]) -> list[Outcome]:
        """Fails for all: no sheet waits for its turn when a later one has learnt that the server is gone."""
        try:
            return await self._answer(sheet)
        except Exception as error:
            if not self._failure.done():
                self._failure.set_exception(error)
            return []

    async def _answer(self, sheet: Sequence[Question]) -> list[Outcome]:
        known = self.journal.find(sheet)
        futures: dict[str, asyncio.Future[Outcome]] = {}
        to_ask: dict[int, list[Question]] = {}
        for asked in sheet:
            before = known.get(asked.key, Outcome())
            if before.is_final:
                self.from_journal += 1
            elif asked.key in self._in_flight:
                futures[asked.key] = self._in_flight[asked.key]
            else:
                futures[asked.key] = self._in_flight[asked.key] = self._loop.create_future()
                to_ask.setdefault(before.tries, []).append(asked)
        await asyncio.gather(*(self._settle(part, len(sheet), tries) for tries, part in to_ask.items()))
        outcomes = [await futures[asked.key] if asked.key in futures else known[asked.key] for asked in sheet]
        pairs = zip(sheet, outcomes, strict=True)
        self.reasons.update((asked.prompt.name, outcome.reason) for asked, outcome in pairs if outcome.reason)
        return outcomes

    async def _settle(self, questions: Sequence[Question], full: int, tries: int) -> None:
        """Asks until each has an answer or has been asked often enough, in parts that get smaller each time."""
        size = (full, max(1, full // 3), 1)[tries]
        parts = [questions[i : i + size] for i in range(0, len(questions), size)]
        again: list[Question] = []
        for part, outcomes in zip(parts, await asyncio.gather(*(self._send(p, tries + 1) for p in parts)), strict=True):
            for asked, outcome in zip(part, outcomes, strict=True):
                if outcome.reason is None or outcome.reason in _NOT_FINAL or outcome.tries >= MAX_TRIES:
                    self._in_flight.pop(asked.key).set_result(outcome)
                else:
                    again.append(asked)
        if again:
            await self._settle(again, full, tries + 1)

    async def _send(self, questions: Sequence[Question], tries: int) -> Sequence[Outcome]:
        async with self._slots:
            if self._failure.done():
                self._failure.result()
            try:
                return await self._deliver(Chat(questions), tries)
            except Exception as error:
                if not self._failure.done():
                    self._failure.set_exception(error)
                raise

    async def _deliver(self, chat: Chat, tries: int) -> Sequence[Outcome]:
        raw, reading = await self.courier.deliver(chat, tries)
        if raw:
            spent = Spent(1, reading.tokens_in or 0, reading.tokens_out or 0)
            cost = self.courier.budget.prices.cost(spent.tokens_in, spent.tokens_out)
            await self.journal.record(Entry(raw, chat.questions, reading.outcomes, spent, cost))
        return reading.outcomes

    async def _stop(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._failure.done():
            self._failure.exception()  # seen or not, it is told of no more
        await self.courier.model.close()
