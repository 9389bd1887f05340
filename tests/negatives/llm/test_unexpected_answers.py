"""Servers that answer something else than the JSON that was asked for: read what is clear, stop early at the rest."""

from __future__ import annotations

import gzip
import json
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from compa.cli import main as compa
from compa.manifest import read_manifest
from negatives.llm.budget import Budget
from negatives.llm.client import MAX_WITHOUT_TEXT, MAX_WITHOUT_TEXT_LATER, RECENT_ANSWERS
from negatives.llm.errors import FatalServerError
from negatives.llm.prompt import load
from negatives.llm.request import ModelSettings, PromptItem, prompt_item
from negatives.llm.response import only_object
from negatives.llm.scheduler import RequestScheduler
from tests.negatives.llm.conftest import OpenScheduler
from tests.negatives.llm.scripted import Reply, ScriptedServer, completion, good, items_of, texts_for

HTML = "<html><head><title>Sign in</title></head><body>Please sign in to continue</body></html>"
EVENTS = 'data: {"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"{"}}]}\n\ndata: [DONE]\n\n'
REFUSED_SCHEMA = json.dumps(
    {
        "error": {
            "message": "1 validation error: {'type': 'literal_error', 'loc': ('body', 'response_format', 'type'), "
            "'msg': \"Input should be 'text' or 'json_object'\", 'input': 'json_schema'}",
            "type": "internal_server_error",
            "code": 500,
        }
    }
)


def batches(num: int, start: int = 0) -> list[list[PromptItem]]:
    settings = ModelSettings("m", max_answer_tokens=100)
    return [
        [prompt_item(load("order"), {"caption": f"caption {i}"}, 2, 0, settings)] for i in range(start, start + num)
    ]


def answers(scheduler: RequestScheduler, num: int, start: int = 0) -> list[str | tuple[str, ...]]:
    return [result.reason or result.values for [result] in scheduler.answer(batches(num, start))]


def answer_with(body: dict[str, Any], texts: Callable[[str], list[str]]) -> Reply:
    answers = [{"id": item["id"], "texts": texts(item["caption"])} for item in items_of(body)]
    return completion(json.dumps({"answers": answers}))


def expected(num: int) -> list[tuple[str, ...]]:
    return [(f"caption {i} with a bell",) for i in range(num)]


WRAPPED = {
    "in prose": "The sounds in the other order: %s",
    "in prose with braces": "Of {two} sounds [both heard] I made this: %s",
    "in a fence with prose": "Sure! Here are the captions:\n\n```json\n%s\n```\n\nLet me know if you need more.",
    "in a fence without a language": "```\n%s\n```",
    "in a fence that is not closed": "```json\n%s",
    "after thoughts": '<think>\nFirst {"answers": []}, no.\n</think>\n\n%s',
    "after thoughts without an opening tag": "First the dog barks, so rain is first.\n</think>\n\n%s",
    "after thoughts in brackets": '[THINK]{"answers": 1}[/THINK]%s',
    "after a byte order mark": "\ufeff%s",
    "with tags in a text": "%s",
}


@pytest.mark.parametrize("wrapped", WRAPPED.values(), ids=WRAPPED.keys())
def test_the_one_object_in_a_message_is_read(
    server: ScriptedServer, open_scheduler: OpenScheduler, wrapped: str
) -> None:
    server.script = lambda body, _: completion(wrapped % json.dumps({"answers": texts_for(body)}))
    with open_scheduler() as scheduler:
        assert answers(scheduler, 2) == expected(2)
        path = scheduler.journal.path
    assert len(server.bodies) == 2
    connection = sqlite3.connect(path)
    raw = [
        json.loads(text)["choices"][0]["message"]["content"]
        for (text,) in connection.execute("SELECT raw FROM responses")
    ]
    connection.close()
    assert all(wrapped.partition("%s")[0] in text for text in raw)


UNCLEAR = {
    "a trailing comma": '{"answers": [{"id": %d, "texts": ["Rain, then a dog barking",]},]}',
    "a trailing comma outside": '{"answers": [{"id": %d, "texts": ["Rain"]},]}',
    "two objects": 'First: {"answers": []} Better: {"answers": [{"id": %d, "texts": ["Rain"]}]}',
    "the question repeated": '{"num": 1, "items": []}\n{"answers": [{"id": %d, "texts": ["Rain"]}]}',
    "a broken one before": '{"answers": [{"id": %d, "texts": ["Rain"} {"answers": []}',
    "single quotes": "{'answers': [{'id': %d, 'texts': ['Rain']}]}",
    "only in the thoughts": '{"answers": [{"id": %d, "texts": ["Rain"]}]}</think> Done.',
    "in thoughts without an end": '<think>Perhaps {"answers": [{"id": %d, "texts": ["Rain"]}]}',
    "cut": '```json\n{"answers": [{"id": %d, "texts": ["Rain"',
    "not an object": "I cannot do number %d.",
}


@pytest.mark.parametrize("content", UNCLEAR.values(), ids=UNCLEAR.keys())
def test_nothing_is_guessed(server: ScriptedServer, open_scheduler: OpenScheduler, content: str) -> None:
    server.script = lambda body, _: completion(content % items_of(body)[0]["id"])
    with open_scheduler() as scheduler:
        assert answers(scheduler, 2) == ["malformed"] * 2
    assert len(server.bodies) == 6  # each is asked three times


@pytest.mark.parametrize(
    "content", ['So: {"captions": []}', 'So: [{"answers": []}]', 'So: {"answers": [], "note": "x"}', '"answers"', "[1]"]
)
def test_what_is_found_is_checked_by_the_schema(
    server: ScriptedServer, open_scheduler: OpenScheduler, content: str
) -> None:
    server.script = lambda *_: completion(content)
    with open_scheduler() as scheduler:
        assert answers(scheduler, 1) == ["wrong schema"]


@pytest.mark.parametrize("depth", [10, 100_000])
def test_deep_and_long_texts_are_read_quickly(depth: int) -> None:
    start = time.process_time()
    for text in ("[" * depth, '{"a":' * depth, "{ " * depth, '[ {"a": ' * depth, "{" + " " * depth):
        assert only_object(text) is None
    assert time.process_time() - start < 10


def with_parts(body: dict[str, Any], _number: int) -> Reply:
    record = json.loads(good(body).body)
    text = record["choices"][0]["message"]["content"]
    record["choices"][0]["message"]["content"] = [
        {"type": "text", "text": text[:9]},
        {"type": "text", "text": text[9:]},
    ]
    return Reply(json.dumps(record))


def with_reasoning(body: dict[str, Any], _number: int) -> Reply:
    record = json.loads(good(body).body)
    record["choices"][0]["message"]["reasoning_content"] = 'Hm: {"answers": []}'
    return Reply(json.dumps(record))


GOOD: dict[str, Callable[[dict[str, Any], int], Reply]] = {
    "content in parts": with_parts,
    "reasoning beside it": with_reasoning,
    "body after a byte order mark": lambda body, _: Reply(b"\xef\xbb\xbf" + str(good(body).body).encode()),
    "chunks": lambda body, _: Reply(good(body).body, chunked=True),
    "compressed": lambda body, _: Reply(
        gzip.compress(str(good(body).body).encode()), 200, {"Content-Encoding": "gzip"}
    ),
    "called text": lambda body, _: Reply(good(body).body, 200, {"Content-Type": "text/plain"}),
    "status 201": lambda body, _: Reply(good(body).body, 201),
}


@pytest.mark.parametrize("script", GOOD.values(), ids=GOOD.keys())
def test_odd_transports_are_read(
    server: ScriptedServer, open_scheduler: OpenScheduler, script: Callable[[dict[str, Any], int], Reply]
) -> None:
    server.script = script
    with open_scheduler() as scheduler:
        assert answers(scheduler, 3) == expected(3)
    assert len(server.bodies) == 3


USELESS = {
    "a page": (Reply(HTML, 200, {"Content-Type": "text/html"}), "Sign in"),
    "a compressed page": (
        Reply(gzip.compress(HTML.encode()), 200, {"Content-Type": "text/html", "Content-Encoding": "gzip"}),
        "Sign in",
    ),
    "a page called JSON": (Reply(HTML), "Sign in"),
    "a page that is not what it is compressed as": (Reply(HTML, 200, {"Content-Encoding": "gzip"}), "decompressed"),
    "a page in chunks": (Reply(HTML, chunked=True), "Sign in"),
    "a redirect to a page": (Reply("", 302, {"Location": "/login"}), "Please sign in"),
    "events": (Reply(EVENTS, 200, {"Content-Type": "text/event-stream"}), "data: "),
    "null": (completion(None), "chat.completion"),
    "an empty text": (completion(" \n"), "chat.completion"),
    "only reasoning": (
        Reply('{"choices": [{"finish_reason": "stop", "message": {"content": null, "reasoning_content": "{}"}}]}'),
        "reasoning_content",
    ),
    "an empty body": (Reply(""), "''"),
    "no content": (Reply("", 204), "''"),
    "an error with status 200": (Reply('{"error": {"message": "model is not loaded"}}'), "model is not loaded"),
    "a list": (Reply("[1]"), "[1]"),
    "bytes": (Reply(b"\x00\xff\xfe\x80" * 100), "?"),
}


@pytest.mark.parametrize(("reply", "shown"), USELESS.values(), ids=USELESS.keys())
def test_a_server_without_chat_completions_stops_the_run_after_a_few(
    server: ScriptedServer, tmp_path: Path, reply: Reply, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = lambda *_: reply
    captions = tmp_path / "captions.txt"
    captions.write_text("".join(f"A dog barks then man {i} speaks\n" for i in range(40)), encoding="utf-8")
    command = ["negatives", "generate", str(captions), "--out", str(tmp_path / "out.jsonl"), "--model", "m"]
    start = time.monotonic()
    assert compa([*command, "--base-url", server.url, "--captions-per-request", "1"]) == 1
    assert time.monotonic() - start < 10
    assert len(server.bodies) == MAX_WITHOUT_TEXT
    error = capsys.readouterr().err
    assert error.count("compa: ") == 1
    assert shown in error
    assert all(word in error for word in ("--base-url", "stream", "sign-in"))
    assert not (tmp_path / "out.jsonl").exists()
    # What was wrong with the server says nothing of the captions: they are asked again.
    server.script = lambda body, _: answer_with(body, lambda caption: [caption.replace("dog", "horse")])
    assert compa([*command, "--base-url", server.url, "--kinds", "replacement", "--levels", "none"]) == 0
    assert all(len(clip.negatives) == 1 for clip in read_manifest(tmp_path / "out.jsonl"))


def test_a_redirect_without_end_is_named(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda *_: Reply("", 307, {"Location": "/v1/chat/completions"})
    with open_scheduler() as scheduler, pytest.raises(FatalServerError, match="--base-url"):
        answers(scheduler, 1)


def test_a_server_that_turns_into_a_page_stops_the_run_and_keeps_its_answers(
    server: ScriptedServer, open_scheduler: OpenScheduler
) -> None:
    server.script = lambda body, number: good(body) if number < 20 else Reply(HTML)
    with open_scheduler(concurrency=2) as scheduler, pytest.raises(FatalServerError, match="Sign in"):
        answers(scheduler, 100)
    # The last good answer may arrive after some pages, and one request more may be in flight.
    assert len(server.bodies) <= 20 + 2 * MAX_WITHOUT_TEXT_LATER + 1
    server.script = good
    with open_scheduler() as scheduler:
        assert answers(scheduler, 100) == expected(100)
        assert scheduler.num_from_journal == 20


def test_pages_now_and_then_do_no_harm(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda body, number: Reply(HTML) if number % 3 == 1 else good(body)
    with open_scheduler(concurrency=1) as scheduler:
        assert answers(scheduler, 40) == expected(40)


def test_the_circuit_breaker_ends_a_run_of_unreadable_answers(
    server: ScriptedServer, open_scheduler: OpenScheduler
) -> None:
    server.script = lambda body, number: good(body) if number < 30 else completion("I would rather chat.")
    with (
        open_scheduler(concurrency=4) as scheduler,
        pytest.raises(FatalServerError, match=r"of the last 50 answers.*I would rather chat.*--max-unreadable"),
    ):
        answers(scheduler, 1000)
    assert len(server.bodies) <= 30 + RECENT_ANSWERS + 4
    server.script = good
    with open_scheduler() as scheduler:
        answers(scheduler, 30)
        assert scheduler.num_from_journal == 30


def test_the_circuit_breaker_can_be_moved(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    server.script = lambda body, number: good(body) if number % 2 else completion("Hm.")
    with open_scheduler(1, max_unreadable=0.4) as scheduler, pytest.raises(FatalServerError, match="of the last 50"):
        answers(scheduler, 100)
    server.script = lambda *_: completion("Hm.")
    with open_scheduler(1, max_unreadable=1.0) as scheduler:
        assert set(answers(scheduler, 40, start=200)) == {"malformed"}


@pytest.mark.parametrize("status", [500, 501, 400, 422])
def test_a_server_that_refuses_the_schema_is_asked_for_plain_json(
    server: ScriptedServer, open_scheduler: OpenScheduler, status: int
) -> None:
    def script(body: dict[str, Any], _number: int) -> Reply:
        accepted = body.get("response_format", {}).get("type") == "json_object" and "max_tokens" in body
        return good(body) if accepted else Reply(REFUSED_SCHEMA, status)

    server.script = script
    reports: list[str] = []
    with open_scheduler(concurrency=8, first_wait=5.0, report=reports.append) as scheduler:
        start = time.monotonic()
        assert answers(scheduler, 20) == expected(20)
    assert time.monotonic() - start < 4  # without a wait
    assert len(server.bodies) == 22
    assert not reports


@pytest.mark.parametrize("accepted", ["json_object", "none"])
def test_a_server_that_breaks_at_the_format_without_a_word_gets_plainer_ones(
    server: ScriptedServer, open_scheduler: OpenScheduler, accepted: str
) -> None:
    def script(body: dict[str, Any], _number: int) -> Reply:
        kind = body.get("response_format", {"type": "none"})["type"]
        return good(body) if kind == accepted else Reply("Internal Server Error", 500)

    server.script = script
    with open_scheduler() as scheduler:
        assert answers(scheduler, 10) == expected(10)


def test_failures_are_reported_within_seconds(server: ScriptedServer, open_scheduler: OpenScheduler) -> None:
    reported: list[tuple[float, str]] = []
    server.script = lambda *_: Reply("out of memory", 500)
    start = time.monotonic()
    with (
        open_scheduler(first_wait=0.02, report=lambda s: reported.append((time.monotonic() - start, s))) as scheduler,
        pytest.raises(FatalServerError, match=r"none of 10 requests.*out of memory"),
    ):
        answers(scheduler, 40)
    assert reported[0][0] < 5
    assert all(part in reported[0][1] for part in ("2 requests", "500: out of memory", "trying"))


def test_a_run_that_serves_nothing_fails(
    server: ScriptedServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    captions = tmp_path / "captions.txt"
    captions.write_text("A dog barks then a man speaks\nRain falls\n", encoding="utf-8")

    def run(*options: str) -> int:
        out = ["--out", str(tmp_path / "out.jsonl"), "--overwrite", "--base-url", server.url, "--levels", "none"]
        return compa(["negatives", "generate", str(captions), *out, "--kinds", "order", *options])

    server.script = lambda *_: completion("I would rather not.")
    assert run("--model", "m") == 1
    error = capsys.readouterr().err
    assert "I would rather not." in error
    assert "malformed 2" in error
    assert run("--judge", "j") == 1  # a judge that never answers accepts nothing
    server.script = lambda body, _: completion(
        json.dumps({"answers": [{"id": i["id"], "texts": []} for i in items_of(body)]})
    )
    assert run("--model", "m2") == 1
    server.script = good
    assert run("--model", "m3", "--max-requests", "1") == 1  # proposes nothing that passes the checks
    assert run("--model", "rules") == 0


def test_a_silent_server_is_reported(
    server: ScriptedServer, open_scheduler: OpenScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("negatives.llm.scheduler.SILENCE_SECONDS", 0.2)
    reports: list[str] = []
    server.script = lambda body, _: Reply(good(body).body, delay=0.6)
    with open_scheduler(report=reports.append, budget=Budget()) as scheduler:
        assert answers(scheduler, 1) == expected(1)
    assert len(reports) == 1
