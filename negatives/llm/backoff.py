"""How long to wait before a request is sent again."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

FIRST_SECONDS, MOST_SECONDS = 0.5, 60.0


def delay(attempt: int, rng: random.Random, first: float = FIRST_SECONDS) -> float:
    """Seconds that double with every attempt (0, 1, ...), with jitter: between half of that and all of it."""
    return float(min(MOST_SECONDS, first * 2**attempt)) * (0.5 + 0.5 * rng.random())


def retry_after(headers: Mapping[str, str], now: float | None = None) -> float | None:
    """Seconds that a server asks to wait: `retry-after-ms`, or `Retry-After` as a number or a date; else None.

    Example:
        >>> retry_after({"retry-after": "20"})
        20.0
    """
    for name, unit in (("retry-after-ms", 1e-3), ("retry-after", 1.0)):
        text = headers.get(name, "").strip()
        if text.replace(".", "", 1).isdecimal():
            return float(text) * unit
        if text and unit == 1.0:
            try:
                date = parsedate_to_datetime(text).timestamp()
            except (ValueError, OverflowError):
                return None
            return max(0.0, date - (time.time() if now is None else now))
    return None
