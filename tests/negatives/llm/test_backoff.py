from __future__ import annotations

import pytest

from negatives.llm.client import MAX_BACKOFF_SECONDS, delay
from negatives.llm.errors import retry_after


def test_waits_double_jitter_and_end() -> None:
    delays = [delay(attempt) for attempt in range(12)]
    assert all(0.25 * 2**i <= waited <= 0.5 * 2**i for i, waited in enumerate(delays[:7]))
    assert all(MAX_BACKOFF_SECONDS / 2 <= waited <= MAX_BACKOFF_SECONDS for waited in delays[7:])
    assert len({delay(3) for _ in range(20)}) == 20


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "Thu, 01 Jan 1970 00:01:40 GMT"}, 40.0),
        ({"retry-after": "Thu, 01 Jan 1970 00:00:10 GMT"}, 0.0),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "soon"}, None),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers, now=60.0) == seconds
