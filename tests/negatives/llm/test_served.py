"""`transformers serve`, a real third-party server, with a tiny model of random weights."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.journal import Journal
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, PromptItem, prompt_item
from negatives.llm.response import MALFORMED, TRUNCATED, WRONG_SCHEMA
from negatives.llm.scheduler import RequestScheduler
from tests.negatives.llm.served import Served

PROGRAM = shutil.which("transformers", path=str(Path(sys.executable).parent))


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    for name in ("transformers", "fastapi", "uvicorn"):
        pytest.importorskip(name, reason='needs pip install "compa[test]"')
    if PROGRAM is None:
        pytest.skip('no command `transformers`: pip install "compa[test]"')
    from tests.negatives.llm.tiny_model import write_tiny_model

    folder = tmp_path_factory.mktemp("served")
    write_tiny_model(folder / "model")
    running = Served([PROGRAM, "serve", str(folder / "model"), "--device", "cpu"], folder / "log.txt", "/health")
    running.wait()
    yield running
    running.stop()


def open_scheduler(served: Served, folder: Path) -> RequestScheduler:
    model = OpenAIServer(served.url, 60.0)
    return RequestScheduler(RetryingClient(model, Budget(), max_unreadable=1.0), Journal(folder / "j.sqlite"), 2)


def batches(served: Served, *captions: str) -> list[list[PromptItem]]:
    settings = ModelSettings(served.command[2], temperature=1.0, max_answer_tokens=16)
    return [[prompt_item(load("order"), {"caption": caption}, 2, 0, settings)] for caption in captions]


def test_nonsense_is_counted_and_kept_and_not_asked_for_again(served: Served, tmp_path: Path) -> None:
    asked = batches(served, "A dog barks, then a man speaks", "Rain falls before a bell rings")
    with open_scheduler(served, tmp_path) as scheduler:
        results = [result for answered in scheduler.answer(asked) for result in answered]
        assert {result.reason for result in results} <= {MALFORMED, TRUNCATED, WRONG_SCHEMA}
        assert sum(scheduler.reasons.values()) == 2
        used = scheduler.client.budget.used
        assert used.requests == 6  # three tries each
        assert used.tokens_in > 6 * 1000
        assert 0 < used.tokens_out <= 6 * 16
    connection = sqlite3.connect(tmp_path / "j.sqlite")
    assert connection.execute("SELECT count(*), sum(tokens_in) FROM responses").fetchone() == (6, used.tokens_in)
    connection.close()
    with open_scheduler(served, tmp_path) as scheduler:
        assert [result for answered in scheduler.answer(asked) for result in answered] == results
        assert scheduler.client.budget.used.requests == 0


@pytest.mark.slow
def test_a_restart_of_the_server_is_sat_out(served: Served, tmp_path: Path) -> None:
    asked = batches(served, *(f"A bell rings {i} times before a man speaks" for i in range(40)))
    with open_scheduler(served, tmp_path) as scheduler:
        answers = scheduler.answer(asked)
        first = next(answers)
        served.stop()
        served.start()
        results = [first, *answers]
        assert len(results) == 40
        assert {result.reason for [result] in results} <= {MALFORMED, TRUNCATED, WRONG_SCHEMA}
        assert {"no connection", "connection lost"} & scheduler.client.failures.keys()
