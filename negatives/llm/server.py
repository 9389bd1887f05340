"""One attempt to have a request answered by an OpenAI-compatible server; the key stays in here."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from pydantic_core import to_json

from negatives.llm.backoff import retry_after
from negatives.llm.chat import DIALECTS, Chat

if TYPE_CHECKING:
    import aiohttp

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
        detail: More words, for people.
    """

    def __init__(self, reason: str, wait: float | None = None, is_lost: bool = False, detail: str = "") -> None:
        super().__init__(reason)
        self.reason, self.wait, self.is_lost, self.detail = reason, wait, is_lost, detail or reason


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
    """Sends requests to where the openai package would, with its headers, certificates and proxies, by aiohttp.

    What the package does for a request takes several times as long as the request itself
    (benchmarks/speed/negatives_llm.py), and errors, repetitions and answers are all read by ours.

    Args:
        address: Where to.
        concurrency: Connections at most.
        timeout: Seconds from sending a request to the last byte of its answer.
    """

    def __init__(self, address: Address, concurrency: int, timeout: float) -> None:
        import openai

        key = read_key(address)
        with openai.OpenAI(api_key=key, base_url=address.base_url) as client:
            headers = {**client.default_headers, **client.auth_headers}
            self._url = f"{client.base_url}chat/completions"
        self._headers = {name: value for name, value in headers.items() if isinstance(value, str)}
        self._redact = redactor(key)
        self._concurrency, self._timeout = concurrency, timeout
        self._session: aiohttp.ClientSession | None = None
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
        if self._session:
            await self._session.close()

    async def _post(self, body: dict[str, Any]) -> str:
        import aiohttp

        self._session = self._session or self._open()
        try:
            async with self._session.post(self._url, data=to_json(body)) as response:
                text = self._redact((await response.read()).decode("utf-8", errors="replace"))
        except TimeoutError:
            raise Failed(TIME_OUT, is_lost=True) from None
        except aiohttp.ClientConnectorError as error:
            raise Failed(NO_CONNECTION, detail=_shown(self._redact(str(error)))) from None
        except (aiohttp.ClientError, OSError):
            raise Failed("connection lost", is_lost=True) from None
        if response.status >= 300:
            raise _judge(response.status, response.headers, text)
        return text

    def _open(self) -> aiohttp.ClientSession:
        """Opened at the first request, as a session belongs to the event loop that runs then."""
        import aiohttp
        import httpx2

        parts = urlsplit(self._url)
        proxies = {} if proxy_bypass(parts.hostname or "") else getproxies()
        ssl = httpx2.create_ssl_context() if parts.scheme == "https" else True
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=self._concurrency, ssl=ssl),
            headers=self._headers,
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            proxy=proxies.get(parts.scheme) or proxies.get("all"),
        )


def _judge(status: int, headers: Mapping[str, str], text: str) -> Failed | Rejected | Stopped:
    """What an HTTP status means."""
    shown = _shown(text)
    if status == 429 and "insufficient_quota" in text:
        return Stopped(f"the server says that nothing is left to spend ({shown}): top up, then run again")
    if status in _AGAIN or status >= 500:
        return Failed(f"status {status}", retry_after(headers))
    if status in _FATAL:
        what = f"the server answers {status} ({shown})"
        return Stopped(f"{what}: check --model, --base-url and the key in {KEY_VARIABLE}")
    return Rejected("content filter" if "content_filter" in text else f"status {status}", text)


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


def _shown(text: str) -> str:
    return " ".join(text.split())[:_SHOWN_CHARACTERS]


def _bare(url: str) -> str:
    """A URL without what may be a secret in it."""
    return url.split("?")[0].rsplit("@", 1)[-1]
