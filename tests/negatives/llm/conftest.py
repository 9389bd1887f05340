from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from negatives.llm.budget import Budget
from negatives.llm.client import Courier
from negatives.llm.journal import Journal
from negatives.llm.scheduler import Asker
from negatives.llm.server import KEY_VARIABLE, Address, Server
from tests.negatives.llm.scripted import KEY, ScriptedServer

OpenAsker = Callable[..., Asker]


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEY_VARIABLE, KEY)


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with ScriptedServer() as running:
        yield running


@pytest.fixture
def open_asker(server: ScriptedServer, tmp_path: Path) -> OpenAsker:
    def opened(concurrency: int = 4, timeout: float = 10.0, budget: Budget | None = None) -> Asker:
        model = Server(Address(server.url), concurrency, timeout)
        courier = Courier(model, budget or Budget(), first_wait=0.002)
        return Asker(courier, Journal(tmp_path / "journal.sqlite"), concurrency)

    return opened
