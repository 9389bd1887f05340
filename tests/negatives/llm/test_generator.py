from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compa.manifest import NEGATIVE_KINDS, Clip, Negative, Positive
from negatives.generator import Candidate, Request
from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.generator import LanguageModel
from negatives.llm.journal import Journal
from negatives.llm.judge import Judge
from negatives.llm.mock import MockModel
from negatives.llm.request import ModelSettings
from negatives.llm.scheduler import RequestScheduler
from tests.negatives.llm.conftest import OpenScheduler
from tests.negatives.llm.scripted import Reply, ScriptedServer, completion, items_of

SETTINGS = ModelSettings("m", max_answer_tokens=100)
ALL = (*NEGATIVE_KINDS, "paraphrase", "sub-scene")
CAPTIONS = ("A dog barks then a man speaks", "Rain falls as people talk", "A bell rings")


def mock_scheduler(folder: Path) -> RequestScheduler:
    return RequestScheduler(RetryingClient(MockModel(), Budget()), Journal(folder / "mock.sqlite"), 4)


def proposed(scheduler: RequestScheduler, requests: list[Request], size: int = 2) -> list[list[Candidate]]:
    return [list(candidates) for candidates in LanguageModel(scheduler, SETTINGS, size).propose(requests)]


def test_each_request_gets_the_kinds_it_wants(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    def script(body: dict[str, Any], _number: int) -> Reply:
        kind = "paraphrase" if "says exactly what" in body["messages"][0]["content"] else "negative"
        num = json.loads(body["messages"][1]["content"])["num"]
        texts = {item["id"]: [f"{kind} {n} of {item['caption']}" for n in range(num)] for item in items_of(body)}
        return completion(json.dumps({"answers": [{"id": i, "texts": t} for i, t in texts.items()]}))

    server.script = script
    requests = [
        Request("a", ("order", "count", "paraphrase"), num=2),
        Request("b", ("order",), num=3),
        Request("c", (), num=1),
        Request("d", ("paraphrase",), num=1),
    ]
    with open_scheduler() as scheduler:
        found = proposed(scheduler, requests, size=3)
    kinds = [[candidate.kind for candidate in candidates] for candidates in found]
    assert kinds[0][:2] == ["paraphrase"] * 2
    assert sorted(kinds[0]) == ["count"] * 2 + ["order"] * 2 + ["paraphrase"] * 2
    assert {kinds[0][2], kinds[0][3]} == {"order", "count"}  # kinds take turns
    assert kinds[1:] == [["order"] * 4, [], ["paraphrase"] * 2]
    assert all(
        candidate.text.endswith(f" of {request.text}")
        for request, c in zip(requests, found, strict=True)
        for candidate in c
    )
    assert found[1][0].generator == "m, prompt order 1.1"


def test_captions_share_requests(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    requests = [Request(f"caption {i}", ("order", "count"), 1) for i in range(7)]
    with open_scheduler() as scheduler:
        proposed(scheduler, requests, size=3)
    assert sorted(len(items_of(body)) for body in server.bodies) == [1, 1, 3, 3, 3, 3]


def test_no_more_is_read_than_keeps_the_server_busy(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    def endless() -> Iterator[Request]:
        for i in itertools.count():
            read.append(i)
            yield Request(f"caption {i}", ("order", "count"), 1)

    read: list[int] = []
    with open_scheduler(concurrency=3) as scheduler:
        stream = LanguageModel(scheduler, SETTINGS, 2).propose(endless())
        assert len(list(itertools.islice(stream, 50))) == 50
        assert len(read) <= 50 + 8 * 3 * 2
    assert server.most_at_once <= 3


def test_the_mock_model_answers_alike_and_errs_now_and_then(tmp_path: Path) -> None:
    requests = [Request(f"{caption} {i}", ALL, 3) for i in range(16) for caption in CAPTIONS]
    runs = []
    for name in ("a", "b", "b"):
        with mock_scheduler(tmp_path / name) as scheduler:
            runs.append(proposed(scheduler, requests))
            reasons = sum(scheduler.reasons.values())
            sent = scheduler.client.budget.used.requests
    assert runs[0] == runs[1] == runs[2]
    assert sent == 0  # the third run found all in the journal
    assert reasons == 0
    kinds = {candidate.kind for candidates in runs[0] for candidate in candidates}
    assert {"order", "relation", "paraphrase", "sub-scene"} <= kinds
    with mock_scheduler(tmp_path / "c") as scheduler:
        proposed(scheduler, requests)
        failed = scheduler.journal.connection.execute("SELECT count(*) FROM answers WHERE tries > 1").fetchone()[0]
        assert failed > 5


def judged(
    scheduler: RequestScheduler, clips: list[Clip], seed: int = 0
) -> tuple[list[list[str | None]], dict[str, int]]:
    judge = Judge(scheduler, SETTINGS, seed, statements_per_request=3)
    return judge(clips), dict(judge.controls)


CLIPS = [
    Clip(
        "x",
        None,
        ("A dog barks", "A bell rings"),
        negatives=(
            Negative("A cat meows", "replacement", of=0),
            Negative("Barking of a dog", "order", of=0),
            Negative("A horn", "replacement", of=1),
            Negative("Of nothing known", "order"),
        ),
        positives=(Positive("A dog is barking", "paraphrase", of=0),),
    ),
    Clip("y", None, ("Rain",)),
]


def test_the_judge_refuses_what_it_finds_true(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    verdicts = {"A cat meows": "false", "Barking of a dog": "true", "A horn": "unclear"}

    def script(body: dict[str, Any], _number: int) -> Reply:
        given = [{"id": i["id"], "verdict": verdicts.get(i["statement"], "true")} for i in items_of(body)]
        return completion(json.dumps({"answers": given}))

    server.script = script
    with open_scheduler() as scheduler:
        reasons, controls = judged(scheduler, CLIPS)
    assert reasons == [[None, "judge: true", "judge: unclear", None], []]
    assert controls == {"true": 3}
    shown = [item for body in server.bodies for item in items_of(body)]
    assert len(shown) == 6
    assert all(set(item) == {"id", "recording", "statement"} for item in shown)
    assert {"A dog barks", "A bell rings", "A dog is barking"} <= {item["statement"] for item in shown}
    text = json.dumps(server.bodies)
    assert not any(word in text for word in ("replacement", "paraphrase", "negative", "positive"))


def test_statements_are_shown_in_an_order_that_says_nothing(
    server: ScriptedServer, open_scheduler: OpenScheduler
) -> None:
    clips = [Clip(f"c{i}", None, (f"true {i}",), negatives=(Negative(f"false {i}", "order", of=0),)) for i in range(30)]
    server.script = lambda body, _: completion(
        json.dumps({"answers": [{"id": i["id"], "verdict": "false"} for i in items_of(body)]})
    )
    with open_scheduler(concurrency=1) as scheduler:
        assert judged(scheduler, clips)[0] == [[None]] * 30
    order = ["false" in item["statement"] for body in server.bodies for item in items_of(body)]
    assert sum(order) == 30
    assert 10 < sum(one != other for one, other in itertools.pairwise(order)) < 50
    assert 8 < sum(order[:30]) < 22


def test_a_silent_judge_passes_nothing(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda *_: completion("I would rather not say.")
    with open_scheduler() as scheduler:
        reasons, controls = judged(scheduler, CLIPS)
    assert reasons == [["judge: no answer"] * 3 + [None], []]
    assert controls == {"no answer": 3}


@pytest.mark.parametrize(("text", "expected"), [("A man speaks and a dog barks", "judge: true"), ("A cat meows", None)])
def test_the_mock_judges_too(tmp_path: Path, text: str, expected: str | None) -> None:
    clip = Clip("x", None, ("A dog barks and a man speaks",), negatives=(Negative(text, "order", of=0),))
    with mock_scheduler(tmp_path) as scheduler:
        assert judged(scheduler, [clip]) == ([[expected]], {"true": 1})
