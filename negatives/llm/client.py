"""Sends a request until it is answered: waits as servers ask, within the budget, and knows when to give up."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from typing import Protocol

from negatives.llm import response as answer
from negatives.llm.backoff import FIRST_SECONDS, delay
from negatives.llm.budget import Budget, Spent
from negatives.llm.chat import Chat
from negatives.llm.response import Outcome, Reading
from negatives.llm.server import NO_CONNECTION, Failed, Rejected, Stopped

MAX_ATTEMPTS = 8
MAX_FRUITLESS = 3
MAX_WAIT_SECONDS = 900.0


class Model(Protocol):
    """A server, or what stands in for one."""

    async def send(self, chat: Chat) -> str:
        """Gives the body of a chat completion, or raises `Failed`, `Rejected` or `Stopped`."""
        ...

    async def close(self) -> None:
        """Frees what it holds."""
        ...


@dataclass
class Courier:
    """Takes requests to a model.

    Attributes:
        model: Answers.
        budget: What may be spent.
        seed: Of the jitter.
        first_wait: Seconds before the second attempt.
        failures: Attempts that failed, by reason.
    """

    model: Model
    budget: Budget
    seed: int = 0
    first_wait: float = FIRST_SECONDS
    failures: Counter[str] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self._not_before = 0.0
        self._answers = 0
        self._fruitless = 0
        self._last = ""
        self._is_nobody_there = False

    async def deliver(self, chat: Chat, tries: int) -> tuple[str, Reading]:
        """Gives the raw answer and what it says; raw is empty where none came, and then all outcomes say why.

        Raises:
            Stopped: If nothing should be sent any more.
        """
        most = Spent(1, chat.max_tokens_in, chat.settings.max_answer_tokens)
        for attempt in range(MAX_ATTEMPTS):
            if not await self._may_send(most):
                if self.failures and not self._answers:
                    sent = f"none of {self.budget.spent.requests} requests (last: {self._last})"
                    raise Stopped(f"the server has answered {sent}, and the budget is spent: see to it, then run again")
                return "", _all(chat, answer.OVER_BUDGET, tries)
            spent = most
            try:
                raw = await self.model.send(chat)
                self._answers += 1
                self._fruitless = 0
                reading = answer.read(raw, chat.ids, chat.schema, chat.questions[0].num, tries)
                spent = _used(reading, raw, chat)
            except Rejected as rejected:
                spent = Spent(1)
                return rejected.raw, _all(chat, rejected.reason, tries)
            except Failed as failed:
                is_sent = failed.reason != NO_CONNECTION
                spent = most if failed.is_lost else Spent(int(is_sent))
                self.failures[failed.reason] += 1
                self._last = failed.detail
                if not is_sent and not self._answers and attempt == 2:
                    self._is_nobody_there = self.failures.keys() == {NO_CONNECTION}
                    raise Stopped(f"no server answers ({failed.detail}): start it, or check --base-url") from None
                wait = self._wait(failed, attempt, random.Random(f"{self.seed} {chat.questions[0].key} {attempt}"))
            except asyncio.CancelledError:
                # May have been sent, and then counts at its most.
                spent = Spent() if self._is_nobody_there else most
                raise
            else:
                return raw, reading
            finally:
                await self.budget.settle(most, spent)
            await asyncio.sleep(wait)
        self._fruitless += 1
        if self._fruitless == MAX_FRUITLESS:
            raise Stopped(f"the server does not answer any more (last: {self._last}): see to it, then run again")
        return "", _all(chat, answer.NO_ANSWER, tries)

    async def _may_send(self, most: Spent) -> bool:
        loop = asyncio.get_running_loop()
        while True:
            wait = self._not_before - loop.time()
            if wait <= 0:
                return await self.budget.set_aside(most)
            await asyncio.sleep(wait)

    def _wait(self, failed: Failed, attempt: int, rng: random.Random) -> float:
        """Seconds before this request is sent again; what a server asks for holds for all requests."""
        if failed.wait is None:
            return delay(attempt, rng, self.first_wait)
        if failed.wait > MAX_WAIT_SECONDS:
            raise Stopped(f"the server asks to wait for {failed.wait:.0f} s ({failed.reason}): run again after that")
        now = asyncio.get_running_loop().time()
        self._not_before = max(self._not_before, now + failed.wait)
        # Not all at once when the time has come.
        return failed.wait + (delay(0, rng, self.first_wait) if failed.wait else 0.0)


def _all(chat: Chat, reason: str, tries: int) -> Reading:
    return Reading(tuple(Outcome((), reason, tries) for _ in chat.questions), None, None)


def _used(reading: Reading, raw: str, chat: Chat) -> Spent:
    """What a request took, by the server's count; where it keeps none, at its most."""
    tokens_in, tokens_out = reading.tokens_in, reading.tokens_out
    return Spent(
        1,
        chat.max_tokens_in if tokens_in is None else tokens_in,
        min(chat.settings.max_answer_tokens, len(raw.encode())) if tokens_out is None else tokens_out,
    )
