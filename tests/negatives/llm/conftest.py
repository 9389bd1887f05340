from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.errors import KEY_VARIABLE
from negatives.llm.journal import Journal
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.scheduler import RequestScheduler
from tests.negatives.llm.scripted import KEY, ScriptedServer

OpenScheduler = Callable[..., RequestScheduler]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def open_scheduler(server: ScriptedServer, tmp_path: Path) -> OpenScheduler:
    def opened(
        concurrency: int = 4, timeout: float = 10.0, budget: Budget | None = None, **options: Any
    ) -> RequestScheduler:
        model = OpenAIServer(server.url, timeout)
        client = RetryingClient(model, budget or Budget(), **{"first_wait": 0.002} | options)
        return RequestScheduler(client, Journal(tmp_path / "journal.sqlite"), concurrency)

    return opened
