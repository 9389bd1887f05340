from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest

from negatives.llm import batch as module
from negatives.llm.batch import Batches
from negatives.llm.budget import Budget, Prices
from negatives.llm.chat import Question, Settings, question
from negatives.llm.client import Courier
from negatives.llm.journal import Journal
from negatives.llm.prompt import load
from negatives.llm.scheduler import Asker
from negatives.llm.server import Address, Server
from tests.negatives.llm.batch_server import BatchServer
from tests.negatives.llm.scripted import KEY, Reply, completion, good, items_of

SETTINGS = Settings("m", max_answer_tokens=100)


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
def batches(server: BatchServer, journal: Journal) -> Iterator[Batches]:
    with openai.OpenAI(api_key=KEY, base_url=server.url, max_retries=0) as client:
        yield Batches(client, journal)


def sheet(*captions: str) -> list[Question]:
    return [question(load("order"), {"caption": caption}, 2, 0, SETTINGS) for caption in captions]


def test_submit_wait_collect(server: BatchServer, batches: Batches, journal: Journal) -> None:
    sheets = [sheet("a", "b"), sheet("c")]
    assert batches.submit(sheets) == ["batch-0"]
    assert batches.submit(sheets) == []  # it is under way
    assert batches.status() == {"batch-0": "in_progress, 0 of 2 requests"}
    assert batches.collect(Prices()).waiting == {"batch-0": "in_progress"}
    server.finish()
    collected = batches.collect(Prices(1, 1))
    assert (collected.requests, collected.lost, collected.spent.tokens_in) == (2, 0, 200)
    found = journal.find((*sheets[0], *sheets[1]))
    assert [found[asked.key].values for asked in (*sheets[0], *sheets[1])] == [
        ("a with a bell",),
        ("b with a bell",),
        ("c with a bell",),
    ]
    assert batches.status() == {}
    assert batches.submit([*sheets, sheet("a", "d")]) == ["batch-1"]
    [line] = server.files[server.batches["batch-1"]["input_file_id"]].splitlines()
    assert [item["caption"] for item in items_of(json.loads(line)["body"])] == ["d"]


def test_what_a_batch_failed_to_answer_is_asked_live(server: BatchServer, batches: Batches, journal: Journal) -> None:
    def script(_body: object, number: int) -> Reply:
        return [Reply('{"error": "busy"}', 500), completion("garbage"), completion(f'{{"key": "{KEY}"}}')][number]

    server.script = script
    sheets = [sheet("a"), sheet("b"), sheet("c")]
    batches.submit(sheets)
    server.finish("expired")
    collected = batches.collect(Prices())
    assert (collected.requests, collected.lost) == (2, 1)
    assert collected.reasons == {("order", "malformed"): 1, ("order", "wrong schema"): 1}
    server.script = good
    courier = Courier(Server(Address(server.url), 2, 10.0), Budget())
    with Asker(courier, Journal(journal.path), 2) as asker:
        assert [outcomes[0].values for outcomes in asker.ask(sheets)] == [(f"{c} with a bell",) for c in "abc"]
    assert len(server.bodies) == 3
    assert KEY.encode() not in journal.path.read_bytes() + Path(f"{journal.path}-wal").read_bytes()


def test_a_submission_that_was_cut_short_is_not_paid_for_twice(server: BatchServer, batches: Batches) -> None:
    server.breaks_after_creating = True
    with pytest.raises(openai.BadRequestError):
        batches.submit([sheet("a")])
    assert batches.open_batches() == []
    server.breaks_after_creating = False
    assert batches.submit([sheet("a")]) == []
    assert batches.open_batches() == ["batch-0"]
    server.finish()
    assert batches.collect(Prices()).requests == 1


def test_a_submission_that_never_arrived_is_made_again(server: BatchServer, batches: Batches) -> None:
    server.breaks_after_creating = True
    with pytest.raises(openai.BadRequestError):
        batches.submit([sheet("a")])
    server.batches.clear()
    server.breaks_after_creating = False
    assert batches.submit([sheet("a")]) == ["batch-0"]


def test_many_requests_are_several_batches(batches: Batches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_REQUESTS", 2)
    assert len(batches.submit([sheet(caption) for caption in "abcde"])) == 3
    monkeypatch.setattr(module, "MAX_BYTES", 1)
    assert len(batches.submit([sheet(caption) for caption in "fg"])) == 2


def test_answers_to_what_was_not_asked_are_ignored(server: BatchServer, batches: Batches) -> None:
    batches.submit([sheet("a")])
    server.finish()
    server.files["out-batch-0"] = "\n".join(
        [server.files["out-batch-0"]] * 2 + ["[1]", "no JSON", '{"custom_id": "other"}', '{"custom_id": ["x"]}']
    )
    collected = batches.collect(Prices())
    assert (collected.requests, collected.lost) == (1, 0)
