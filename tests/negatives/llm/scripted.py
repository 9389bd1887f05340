"""A server that answers, fails and misbehaves as a script says, in a thread."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

KEY = "sk-planted-0123456789abcdef"


@dataclass(frozen=True)
class Reply:
    """What the server does with a request: waits, then answers; or cuts the connection in the middle of the body."""

    body: str | bytes = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    chunked: bool = False


Script = Callable[[dict[str, Any], int], Reply]


def completion(
    content: str | None, finish: str = "stop", refusal: str | None = None, usage: tuple[int, int] | None = (100, 10)
) -> Reply:
    message = {"role": "assistant", "content": content, "refusal": refusal}
    record: dict[str, Any] = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
    record["choices"] = [{"index": 0, "finish_reason": finish, "message": message}]
    if usage:
        record["usage"] = {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
    return Reply(json.dumps(record))


def items_of(body: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body["messages"][1]["content"])["items"]
    return found


def texts_for(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"id": item["id"], "texts": [f"{item['caption']} with a bell"]} for item in items_of(body)]


def good(body: dict[str, Any], _number: int = 0) -> Reply:
    return completion(json.dumps({"answers": texts_for(body)}))


class ScriptedServer:
    """Serves /v1/chat/completions and added routes, while `with` lasts.

    Attributes:
        bodies: Of all chat requests, in order of arrival.
        headers: Of these.
        most_at_once: Requests in flight at the busiest moment.
    """

    def __init__(self, script: Script = good) -> None:
        self.script = script
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []
        self.at_once = self.most_at_once = 0
        self.application = web.Application()
        self.application.router.add_post("/v1/chat/completions", self._chat)
        self.application.router.add_get("/login", self._login)
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.url = ""

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(10)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    @property
    def keys(self) -> list[str]:
        """The Authorization headers."""
        return [headers.get("Authorization", "") for headers in self.headers]

    @property
    def captions(self) -> list[str]:
        """All captions that were sent, in order."""
        return [item["caption"] for body in self.bodies for item in items_of(body)]

    def _run(self) -> None:
        async def start() -> web.AppRunner:
            runner = web.AppRunner(self.application, shutdown_timeout=0.1)
            await runner.setup()
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            host, port = runner.addresses[0][:2]
            self.url = f"http://{host}:{port}/v1"
            return runner

        runner = self._loop.run_until_complete(start())
        self._ready.set()
        self._loop.run_forever()
        self._loop.run_until_complete(runner.cleanup())
        left = asyncio.all_tasks(self._loop)  # replies that no client waits for any more
        for task in left:
            task.cancel()
        if left:
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.close()

    async def _login(self, request: web.Request) -> web.Response:
        return web.Response(text="<html><body>Please sign in</body></html>", content_type="text/html")

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        body = await request.json()
        number = len(self.bodies)
        self.bodies.append(body)
        self.headers.append(request.headers)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            reply = self.script(body, number)
            await asyncio.sleep(reply.delay)
        finally:
            self.at_once -= 1
        data = reply.body.encode() if isinstance(reply.body, str) else reply.body
        response = web.StreamResponse(status=reply.status, headers={"Content-Type": "application/json"} | reply.headers)
        if reply.chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(data)
        await response.prepare(request)
        await response.write(data[: len(data) // 2] if reply.cut else data)
        if reply.cut:
            assert request.transport is not None
            request.transport.abort()
        return response
