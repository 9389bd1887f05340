"""Failures of a server, in three classes: worth a retry, wrong with this request, or the end of the run."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openai

KEY_VARIABLE = "OPENAI_API_KEY"
NO_CONNECTION, CONNECTION_LOST, TIME_OUT = "no connection", "connection lost", "time-out"
_RETRY = frozenset([408, 409, 425, 429])
_FATAL = frozenset([401, 402, 403, 404, 405])
_UNAVAILABLE = frozenset([502, 503, 504, 529])
_FORMAT_WORDS = ("response_format", "json_schema", "json_object", "max_completion_tokens")
_CONTENT_WORDS = ("content_filter", "context_length", "context length", "context size")
_SHOWN_CHARACTERS = 300


class FatalServerError(ValueError):
    """No further request makes sense: what the server said, and what to do."""


@dataclass(eq=False)
class InvalidRequestError(Exception):
    """The server refuses this request: its format, its length or its content.

    Attributes:
        reason: In a few words, to be counted.
        raw: The body of the refusal.
    """

    reason: str
    raw: str

    @property
    def may_be_format(self) -> bool:
        """False where the server says that the length or the content is wrong."""
        return not any(word in self.raw.lower() for word in _CONTENT_WORDS)


@dataclass(eq=False)
class RetryableError(Exception):
    """An attempt failed, and another one may not.

    Attributes:
        reason: In a few words, to be counted.
        detail: What came, for people.
        wait: Seconds that the server asks to wait, or None.
        is_lost: Whether an answer may have been made, and billed, that did not arrive.
        may_be_format: Whether the server may have failed at the format of the request.
    """

    reason: str
    detail: str = ""
    wait: float | None = None
    is_lost: bool = False
    may_be_format: bool = False

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


def from_connection(error: openai.APIConnectionError) -> RetryableError | FatalServerError:
    """Classifies a request that got no response."""
    import httpx2
    import openai

    cause = error.__cause__
    if isinstance(cause, httpx2.ConnectError | httpx2.ConnectTimeout | httpx2.ProxyError):
        return RetryableError(NO_CONNECTION, f"{error.request.url}: {cause}")
    if isinstance(cause, httpx2.TooManyRedirects | httpx2.UnsupportedProtocol):
        return FatalServerError(f"{error.request.url} redirects without end ({cause}): check --base-url")
    if isinstance(error, openai.APITimeoutError):
        return RetryableError(TIME_OUT, is_lost=True)
    return RetryableError(CONNECTION_LOST, str(cause or ""), is_lost=True)


def from_status(
    status: int, headers: Mapping[str, str], text: str
) -> RetryableError | InvalidRequestError | FatalServerError:
    """Classifies a response by its status; `text` is its body without the key.

    | status | class |
    | --- | --- |
    | 408, 409, 425, 429, 5xx | retry, after the time that the server asks for |
    | 429 that says that the quota is used up | fatal |
    | 401 to 405, and redirects that lead nowhere | fatal |
    | 5xx that names the response format | invalid request, as some servers report it so |
    | other 4xx | invalid request: format, length or content |
    """
    what = f"the server answers {status} ({shown(text)})"
    if status == 429 and "insufficient_quota" in text:
        return FatalServerError(f"{what}: the quota is used up; raise it, then run again")
    if status >= 500 and any(word in text for word in _FORMAT_WORDS):
        return InvalidRequestError(f"status {status}", text)
    if status in _RETRY or status >= 500:
        may_be_format = status >= 500 and status not in _UNAVAILABLE
        return RetryableError(f"status {status}", shown(text), retry_after(headers), may_be_format=may_be_format)
    if status in _FATAL or status < 400:
        return FatalServerError(f"{what}: check --model, --base-url and the key in {KEY_VARIABLE}")
    return InvalidRequestError("content filter" if "content_filter" in text else f"status {status}", text)


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


def shown(text: str) -> str:
    """The beginning of a text, on one line of printable characters."""
    line = " ".join(text.split())
    return "".join(c if c.isprintable() else "?" for c in line[:_SHOWN_CHARACTERS])
