"""Budgets of requests, tokens and money that cannot be overdrawn: what is in flight counts at its most."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Prices:
    """Money for a million tokens, in the currency of the budget.

    Attributes:
        tokens_in: Of prompts.
        tokens_out: Of answers.
    """

    tokens_in: float = 0.0
    tokens_out: float = 0.0

    def cost(self, tokens_in: float, tokens_out: float) -> float:
        """What so many tokens cost."""
        return (tokens_in * self.tokens_in + tokens_out * self.tokens_out) / 1e6


@dataclass
class Spent:
    """Requests and tokens, spent or set aside."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def add(self, other: Spent, sign: int = 1) -> None:
        """Adds another account, or takes it away."""
        self.requests += sign * other.requests
        self.tokens_in += sign * other.tokens_in
        self.tokens_out += sign * other.tokens_out


@dataclass
class Budget:
    """Gives leave to send requests.

    Attributes:
        max_requests: Sent, those that failed and were sent again included.
        max_tokens: In prompts and answers together.
        max_cost: In the currency of the prices.
        prices: Of tokens.
        spent: So far.
    """

    max_requests: float = math.inf
    max_tokens: float = math.inf
    max_cost: float = math.inf
    prices: Prices = Prices()
    spent: Spent = field(default_factory=Spent)

    def __post_init__(self) -> None:
        self._set_aside = Spent()
        self._freed = asyncio.Condition()

    @property
    def cost(self) -> float:
        """Spent so far."""
        return self.prices.cost(self.spent.tokens_in, self.spent.tokens_out)

    async def set_aside(self, most: Spent) -> bool:
        """Waits until a request fits in at its most; False where it never will, as nothing in flight can free more."""
        async with self._freed:
            while not self._fits(most):
                if not self._set_aside.requests:
                    return False
                await self._freed.wait()
            self._set_aside.add(most)
            return True

    async def settle(self, most: Spent, spent: Spent) -> None:
        """Replaces what was set aside for a request by what it took."""
        async with self._freed:
            self._set_aside.add(most, -1)
            self.spent.add(spent)
            self._freed.notify_all()

    def _fits(self, most: Spent) -> bool:
        parts = (self.spent, self._set_aside, most)
        tokens_in, tokens_out = sum(part.tokens_in for part in parts), sum(part.tokens_out for part in parts)
        return (
            sum(part.requests for part in parts) <= self.max_requests
            and tokens_in + tokens_out <= self.max_tokens
            and self.prices.cost(tokens_in, tokens_out) <= self.max_cost
        )
