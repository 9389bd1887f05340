"""One attempt to have a request answered by an OpenAI-compatible server, by the `openai` package."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from negatives.llm.errors import KEY_VARIABLE, from_connection, from_status
from negatives.llm.request import ChatRequest

if TYPE_CHECKING:
    import openai

CONNECT_SECONDS = 10.0
_SECRET_CHARACTERS = 8


class OpenAIServer:
    """Sends requests; address, proxies, certificates and headers are left to the package.

    Retries are not: all threads share what one of them learns of the server. Nor is parsing: raw answers are kept.

    Args:
        base_url: Where the server is; None for OpenAI's own, or the one in OPENAI_BASE_URL.
        timeout: Seconds that it may be silent.
    """

    def __init__(self, base_url: str | None, timeout: float) -> None:
        self._client = open_client(base_url, timeout)
        self.address = str(self._client.base_url)

    def send(self, request: ChatRequest, request_format: int) -> str:
        """Returns the body of the answer, without the key.

        Raises:
            RetryableError: If it may be sent again.
            InvalidRequestError: If it must not be sent like this.
            FatalServerError: If nothing should be sent any more.
        """
        import httpx2
        import openai

        completions: Any = self._client.chat.completions.with_raw_response
        try:
            response = completions.create(**request.body(request_format))
        except openai.APIStatusError as error:
            text = redact(_decoded(error.response.content), self._client)
            raise from_status(error.status_code, error.response.headers, text) from None
        except openai.APIConnectionError as error:
            if isinstance(error.__cause__, httpx2.DecodingError):
                return f"a body that cannot be decompressed: {error.__cause__}"
            raise from_connection(error) from None
        return redact(_decoded(response.content), self._client)

    def close(self) -> None:
        """Closes all connections."""
        self._client.close()


def open_client(base_url: str | None, timeout: float) -> openai.OpenAI:
    """The package's client, which never retries by itself; the key is read from the environment, and only from there.

    Raises:
        ValueError: If the address holds a secret or is not one, or there is no key and the server is OpenAI's.
    """
    import openai

    if base_url is not None:
        parts = urlsplit(base_url)
        bare = base_url.split("?")[0].rsplit("@", 1)[-1]
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"--base-url must be like http://localhost:8000/v1; got {bare!r}")
        if parts.username or parts.password or parts.query:
            raise ValueError(f"--base-url must hold no user, password or query: give the key in {KEY_VARIABLE} only")
    key = os.environ.get(KEY_VARIABLE, "").strip()
    if not key and base_url is None and not os.environ.get("OPENAI_BASE_URL"):
        raise ValueError(f"no key: set {KEY_VARIABLE}, or give the --base-url of a server that needs none")
    if not key.isascii():
        raise ValueError(f"the key in {KEY_VARIABLE} holds characters that no key has: copy it again")
    limits = openai.Timeout(timeout, connect=min(timeout, CONNECT_SECONDS))
    return openai.OpenAI(api_key=key or "none", base_url=base_url, timeout=limits, max_retries=0)


def redact(text: str, client: openai.OpenAI) -> str:
    """A text without the key, as some servers repeat it; "none" or "ollama" is not a secret."""
    key = client.api_key
    return text.replace(key, "[key]") if len(key) >= _SECRET_CHARACTERS else text


def _decoded(body: bytes) -> str:
    return body.decode("utf-8-sig", errors="replace")
