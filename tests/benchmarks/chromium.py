"""A real browser for tests: a headless Chromium, driven over its DevTools protocol."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

import aiohttp

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
COMMAND = next((path for name in NAMES if (path := shutil.which(name))), None)
SECONDS = 60.0


class Chromium:
    """One window of a browser of its own; use it as a context manager.

    Attributes:
        requested: The address of everything that pages asked for.
        complaints: Errors and warnings in the console, exceptions, and what a policy refused.
    """

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.complaints: list[str] = []
        self._numbers = itertools.count(1)
        self._events: list[str] = []
        self._loop = asyncio.new_event_loop()

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        assert COMMAND is not None
        self._process = subprocess.Popen(
            [COMMAND, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--mute-audio",
             "--no-first-run", "--disable-background-networking", "--disable-component-update", "--hide-scrollbars",
             "--autoplay-policy=no-user-gesture-required", "--remote-debugging-port=0", "--remote-allow-origins=*",
             f"--user-data-dir={self._folder.name}", "about:blank"],
            stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
        )  # fmt: skip
        assert self._process.stderr is not None
        for line in self._process.stderr:
            if found := re.search(r"ws://([^/]+)/devtools/browser", line):
                break
        else:
            raise RuntimeError("Chromium ended before it listened")
        self._loop.run_until_complete(self._connect(found[1]))
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(Exception):
            self._loop.run_until_complete(self._disconnect())
        self._process.terminate()
        self._process.wait(SECONDS)
        assert self._process.stderr is not None
        self._process.stderr.close()
        self._folder.cleanup()
        self._loop.close()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command of the protocol and its answer."""
        answer: dict[str, Any] = self._loop.run_until_complete(
            asyncio.wait_for(self._call(method, parameters), SECONDS)
        )
        return answer

    def open(self, page: Path) -> None:
        """Loads a file and waits until all of it is there; forgets what was requested and complained of."""
        self._events.clear()
        self.requested.clear()
        self.complaints.clear()
        self.call("Page.navigate", url=page.resolve().as_uri())
        while "Page.loadEventFired" not in self._events:
            self.run("1")

    def run(self, script: str) -> Any:
        """The value of an expression in the page, awaited where it is a promise."""
        answer = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def look(self, width: int, height: int = 800, *, dark: bool = False, phone: bool = False) -> None:
        """Sets the size of the window, and whether it is dark."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])

    def photograph(self, file: Path) -> None:
        """The whole page as a PNG."""
        picture = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        file.write_bytes(base64.b64decode(picture["data"]))

    async def _connect(self, address: str) -> None:
        self._session = aiohttp.ClientSession()
        async with self._session.get(f"http://{address}/json/list") as answer:
            targets = await answer.json()
        (target,) = [target for target in targets if target["type"] == "page"]
        self._socket = await self._session.ws_connect(target["webSocketDebuggerUrl"], max_msg_size=0)

    async def _disconnect(self) -> None:
        await self._socket.close()
        await self._session.close()

    async def _call(self, method: str, parameters: dict[str, Any]) -> Any:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": parameters})
        while True:
            message = json.loads(await self._socket.receive_str())
            if message.get("id") == number:
                assert "error" not in message, (method, message["error"])
                return message["result"]
            self._note(message)

    def _note(self, message: dict[str, Any]) -> None:
        method, told = message.get("method", ""), message.get("params", {})
        self._events.append(method)
        if method == "Network.requestWillBeSent":
            self.requested.append(told["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(told["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and told["type"] in ("error", "warning", "assert"):
            self.complaints.append(str(told["args"]))
        elif method == "Log.entryAdded" and told["entry"]["level"] in ("error", "warning"):
            self.complaints.append(told["entry"]["text"])
