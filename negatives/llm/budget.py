"""Budgets of requests and tokens that cannot be overdrawn: what is in flight counts at its upper bound."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass


@dataclass(frozen=True)
class Usage:
    """Requests and tokens, used or reserved."""

    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.requests + other.requests, self.tokens_in + other.tokens_in, self.tokens_out + other.tokens_out
        )

    def __sub__(self, other: Usage) -> Usage:
        return self + Usage(-other.requests, -other.tokens_in, -other.tokens_out)

    def __str__(self) -> str:
        return f"{self.requests} requests, {self.tokens_in} tokens in prompts, {self.tokens_out} in answers"


class Budget:
    """Permits requests; used by several threads.

    Args:
        max_requests: Sent, repetitions included.
        max_tokens: In prompts and answers together.

    Attributes:
        used: So far.
        reserved: For requests in flight, at their upper bound.
    """

    def __init__(self, max_requests: float = math.inf, max_tokens: float = math.inf) -> None:
        self.max_requests, self.max_tokens = max_requests, max_tokens
        self.used = self.reserved = Usage()
        self._changed = threading.Condition()

    def reserve(self, most: Usage) -> bool:
        """Waits until a request fits in at its upper bound; False if it never will, as nothing in flight frees more."""
        with self._changed:
            self._changed.wait_for(lambda: self._fits(most) or not self.reserved.requests)
            if not self._fits(most):
                return False
            self.reserved += most
            return True

    def commit(self, most: Usage, used: Usage) -> None:
        """Replaces what was reserved for a request by what it used."""
        with self._changed:
            self.reserved -= most
            self.used += used
            self._changed.notify_all()

    def _fits(self, most: Usage) -> bool:
        total = self.used + self.reserved + most
        return total.requests <= self.max_requests and total.tokens_in + total.tokens_out <= self.max_tokens
