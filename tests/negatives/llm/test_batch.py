from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from negatives.llm import batch as module
from negatives.llm.batch import BatchAPI
from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.journal import Journal
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, PromptItem, prompt_item
from negatives.llm.scheduler import RequestScheduler
from tests.negatives.llm.batch_server import BatchServer
from tests.negatives.llm.scripted import KEY, Reply, completion, good, items_of

SETTINGS = ModelSettings("m", max_answer_tokens=100)


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal(tmp_path / "j.sqlite")
    yield opened
    opened.close()


@pytest.fixture
def api(server: BatchServer, journal: Journal) -> Iterator[BatchAPI]:
    with openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        yield BatchAPI(client, journal)


def batch(*captions: str) -> list[PromptItem]:
    return [prompt_item(load("order"), {"caption": caption}, 2, 0, SETTINGS) for caption in captions]


def test_submit_wait_collect(server: BatchServer, api: BatchAPI, journal: Journal) -> None:
    batches = [batch("a", "b"), batch("c")]
    assert api.submit(batches) == ["batch-0"]
    assert api.submit(batches) == []  # it is in an open batch
    assert api.status() == {"batch-0": "in_progress, 0 of 2 requests"}
    assert api.collect().waiting == {"batch-0": "in_progress"}
    server.finish()
    collected = api.collect()
    assert (collected.usage.requests, collected.lost, collected.usage.tokens_in) == (2, 0, 200)
    found = journal.find((*batches[0], *batches[1]))
    assert [found[asked.key].values for asked in (*batches[0], *batches[1])] == [
        ("a with a bell",),
        ("b with a bell",),
        ("c with a bell",),
    ]
    assert api.status() == {}
    assert api.submit([*batches, batch("a", "d")]) == ["batch-1"]
    [line] = server.files[server.batches["batch-1"]["input_file_id"]].splitlines()
    assert [item["caption"] for item in items_of(json.loads(line)["body"])] == ["d"]


def test_what_a_batch_failed_to_answer_is_asked_live(server: BatchServer, api: BatchAPI, journal: Journal) -> None:
    def script(_body: object, number: int) -> Reply:
        return [Reply('{"error": "busy"}', 500), completion("garbage"), completion(f'{{"key": "{KEY}"}}')][number]

    server.script = script
    batches = [batch("a"), batch("b"), batch("c")]
    api.submit(batches)
    server.finish("expired")
    collected = api.collect()
    assert (collected.usage.requests, collected.lost) == (2, 1)
    assert collected.reasons == {("order", "malformed"): 1, ("order", "wrong schema"): 1}
    server.script = good
    client = RetryingClient(OpenAIServer(server.url, 10.0), Budget())
    with RequestScheduler(client, Journal(journal.path), 2) as scheduler:
        assert [results[0].values for results in scheduler.answer(batches)] == [(f"{c} with a bell",) for c in "abc"]
    assert len(server.bodies) == 3
    assert KEY.encode() not in journal.path.read_bytes() + Path(f"{journal.path}-wal").read_bytes()


def test_a_submission_that_was_cut_short_is_not_paid_for_twice(server: BatchServer, api: BatchAPI) -> None:
    server.breaks_after_creating = True
    with pytest.raises(openai.BadRequestError):
        api.submit([batch("a")])
    assert api.journal.open_batches() == []
    server.breaks_after_creating = False
    assert api.submit([batch("a")]) == ["batch-0"]
    assert api.journal.open_batches() == list(server.batches) == ["batch-0"]
    server.finish()
    assert api.collect().usage.requests == 1


def test_a_submission_that_never_arrived_is_made_again(server: BatchServer, api: BatchAPI) -> None:
    server.breaks_after_creating = True
    with pytest.raises(openai.BadRequestError):
        api.submit([batch("a")])
    server.batches.clear()
    server.breaks_after_creating = False
    assert api.submit([batch("a")]) == ["batch-0"]


def test_many_requests_are_several_batches(api: BatchAPI, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 2)
    assert len(api.submit([batch(caption) for caption in "abcde"])) == 3


def test_answers_to_what_was_not_asked_are_ignored(server: BatchServer, api: BatchAPI) -> None:
    api.submit([batch("a")])
    server.finish()
    server.files["out-batch-0"] = "\n".join(
        [server.files["out-batch-0"]] * 2 + ["[1]", "no JSON", '{"custom_id": "other"}', '{"custom_id": ["x"]}']
    )
    collected = api.collect()
    assert (collected.usage.requests, collected.lost) == (1, 0)
