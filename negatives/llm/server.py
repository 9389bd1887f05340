"""One attempt to have a request answered by an OpenAI-compatible server; the key stays in here."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from pydantic_core import to_json

from negatives.llm.backoff import retry_after
from negatives.llm.chat import DIALECTS, Chat

KEY_VARIABLE = "OPENAI_API_KEY"
_AGAIN = frozenset([408, 409, 425, 429])
_FATAL = frozenset([401, 402, 403, 404, 405])
_SHOWN_CHARACTERS = 300
_SECRET_CHARACTERS = 8
TIME_OUT, NO_CONNECTION = "time-out", "no connection"


class Stopped(ValueError):
    """A server will not answer, whatever is sent: what it said, and what to do."""


class Failed(Exception):
    """An attempt failed, and another one may not.

    Attributes:
        reason: In few words, to be counted.
        wait: Seconds that the server asks to wait, or None.
        is_lost: Whether an answer may have been made, and billed, that did not arrive.
    """

    def __init__(self, reason: str, wait: float | None = None, is_lost: bool = False) -> None:
        super().__init__(reason)
        self.reason, self.wait, self.is_lost = reason, wait, is_lost


class Rejected(Exception):
    """The server takes offence at this one request: too long, or its content; `reason` says which."""

    def __init__(self, reason: str, raw: str) -> None:
        super().__init__(reason)
        self.reason, self.raw = reason, raw


@dataclass(frozen=True)
class Address:
    """Where a server is; None for OpenAI's own, or what OPENAI_BASE_URL says."""

    base_url: str | None = None

    def __post_init__(self) -> None:
        if self.base_url is None:
            return
        parts = urlsplit(self.base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--base-url {_bare(self.base_url)!r} must be like http://localhost:8000/v1")
        if parts.username or parts.password or parts.query:
            raise ValueError(f"--base-url must hold no user, password or query: give the key in {KEY_VARIABLE} only")


class Server:
    """Sends requests through the openai package.

    What the package does above its HTTP client costs more processor time than all the rest, and two thirds of it goes
    into rewriting requests and answers (benchmarks/speed/negatives_llm.py): so requests are posted as bytes, answers
    are read by ours, and aiohttp carries them.

    Args:
        address: Where to.
        concurrency: Connections at most.
        timeout: Seconds from sending a request to the last byte of its answer.
    """

    def __init__(self, address: Address, concurrency: int, timeout: float) -> None:
        import httpx2
        import openai

        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        self.timeout = timeout
        key = read_key(address)
        self._redact = redactor(key)
        self._response = httpx2.Response
        self._client = openai.AsyncOpenAI(
            api_key=key,
            base_url=address.base_url,
            max_retries=0,
            timeout=timeout,
            http_client=openai.DefaultAioHttpClient(limits=limits, timeout=timeout),
        )
        self._dialect = 0
        self._is_proven = False

    async def send(self, chat: Chat) -> str:
        """Gives the body of the answer; steps down to a plainer dialect as long as the server has taken none.

        Raises:
            Failed: If it may be sent again.
            Rejected: If it must not be sent like this.
            Stopped: If nothing should be sent any more.
        """
        dialect = self._dialect
        try:
            raw = await self._post(chat.body(dialect))
        except Rejected as rejected:
            if dialect == self._dialect and self._is_proven:
                raise
            if dialect + 1 == len(DIALECTS):
                shown = _shown(rejected.raw)
                raise Stopped(f"the server takes no request ({rejected.reason}: {shown}): check --model") from None
            self._dialect = max(self._dialect, dialect + 1)
            raise Failed("asked in a plainer form", wait=0.0) from None
        self._is_proven = True
        return raw

    async def close(self) -> None:
        """Closes all connections."""
        await self._client.close()

    async def _post(self, body: dict[str, Any]) -> str:
        import openai

        try:
            async with asyncio.timeout(self.timeout):
                response = await self._client.post(
                    "/chat/completions",
                    cast_to=self._response,
                    content=to_json(body),
                    options={"headers": {"Content-Type": "application/json"}},
                )
        except openai.APIStatusError as error:
            raise self._judge(error) from None
        except TimeoutError:
            raise Failed(TIME_OUT, is_lost=True) from None
        except openai.APIConnectionError as error:
            raise _broken(error) from None
        return self._redact(response.content.decode("utf-8", errors="replace"))

    def _judge(self, error: Any) -> Failed | Rejected | Stopped:
        """What an HTTP status means."""
        status, response = error.status_code, error.response
        text = self._redact(response.content.decode("utf-8", errors="replace"))
        shown = _shown(text)
        if status == 429 and "insufficient_quota" in text:
            return Stopped(f"the server says that nothing is left to spend ({shown}): top up, then run again")
        if status in _AGAIN or status >= 500:
            return Failed(f"status {status}", retry_after(response.headers))
        if status in _FATAL:
            what = f"the server answers {status} ({shown})"
            return Stopped(f"{what}: check --model, --base-url and the key in {KEY_VARIABLE}")
        if "content_filter" in text:
            return Rejected("content filter", text)
        return Rejected(f"status {status}", text)


def redactor(key: str) -> Callable[[str], str]:
    """What takes the key out of texts, as some servers repeat it; "none" or "ollama" is no secret."""
    return lambda text: text.replace(key, "[key]") if len(key) >= _SECRET_CHARACTERS else text


def read_key(address: Address) -> str:
    """The key in the environment; a server of one's own may need none.

    Raises:
        ValueError: If there is none, and the server is OpenAI's.
    """
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if key:
        return key
    if address.base_url is None and not os.environ.get("OPENAI_BASE_URL"):
        raise ValueError(
            f"no key: set {KEY_VARIABLE} in the environment, or give the --base-url of a server that needs none"
        )
    return "none"


def _broken(error: BaseException) -> Failed:
    """What became of a connection, by the first cause: the layers between name it in many ways."""
    while error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, TimeoutError):
        return Failed(TIME_OUT, is_lost=True)
    never_was = isinstance(error, ConnectionRefusedError | OSError) and not isinstance(error, ConnectionResetError)
    return Failed(NO_CONNECTION) if never_was else Failed("connection lost", is_lost=True)


def _shown(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_CHARACTERS]


def _bare(url: str) -> str:
    """A URL without what may be a secret in it."""
    return url.split("?")[0].rsplit("@", 1)[-1]
