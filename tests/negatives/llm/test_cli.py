from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from compa.cli import main as compa
from compa.manifest import Clip, read_manifest
from negatives.cli.batch import main as batch
from negatives.cli.generate import main
from tests.negatives.llm.batch_server import BatchServer
from tests.negatives.llm.scripted import KEY, Reply, completion, items_of

CAPTIONS = "A dog barks then a man speaks\nRain falls as people talk\nA bell rings\n"


@pytest.fixture
def server() -> Iterator[BatchServer]:
    with BatchServer() as running:
        yield running


@pytest.fixture
def captions(tmp_path: Path) -> Path:
    path = tmp_path / "captions.txt"
    path.write_text(CAPTIONS, encoding="utf-8")
    return path


def generate(source: Path, *options: str, name: str = "out.jsonl") -> list[Clip]:
    out = source.with_name(name)
    assert main([str(source), "--out", str(out), "--overwrite", *options]) == 0
    return list(read_manifest(out))


def swap(body: dict[str, Any], _number: int) -> Reply:
    """Replaces the first noun, for any kind, or judges."""
    if "statement" in items_of(body)[0]:
        said = [{"id": i["id"], "verdict": "true" if "horse" in i["statement"] else "false"} for i in items_of(body)]
        return completion(json.dumps({"answers": said}))
    swaps = {"dog": ["horse", "goat"], "Rain": ["Hail"], "bell": ["<script>alert(1)</script>"]}
    answers = []
    for item in items_of(body):
        caption = item["caption"]
        texts = [caption.replace(old, new) for old, news in swaps.items() if old in caption for new in news]
        answers.append({"id": item["id"], "texts": texts})
    return completion(json.dumps({"answers": answers}))


def test_a_model_at_a_server(server: BatchServer, captions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    server.script = swap
    options = ["--model", "m", "--base-url", server.url, "--kinds", "replacement", "--levels", "none", "--num", "2"]
    clips = generate(captions, *options)
    assert [[negative.text for negative in clip.negatives] for clip in clips][:2] == [
        ["A horse barks then a man speaks", "A goat barks then a man speaks"],
        ["Hail falls as people talk"],
    ]
    assert clips[0].negatives[0].generator == "m, prompt replacement 1.1"
    printed = capsys.readouterr().out
    assert printed.startswith("estimate: 3 captions, 1 requests, about 4")
    assert "1 requests, 100 tokens in prompts, 10 in answers" in printed
    generate(captions, *options)
    assert len(server.bodies) == 1
    assert "0 requests" in capsys.readouterr().out
    judged = generate(captions, *options, "--judge", "j")
    assert [[negative.text for negative in clip.negatives] for clip in judged][:2] == [
        ["A goat barks then a man speaks"],
        ["Hail falls as people talk"],
    ]
    assert [body["model"] for body in server.bodies] == ["m", "j"]
    printed = capsys.readouterr().out
    assert "refused replacement, judge: true: 1" in printed
    assert "the judge on statements that are true: false 2" in printed


def test_rules_can_be_judged(server: BatchServer, captions: Path) -> None:
    server.script = swap
    clips = generate(captions, "--judge", "j", "--base-url", server.url, "--kinds", "order", "--levels", "none")
    assert [len(clip.negatives) for clip in clips] == [1, 0, 0]
    assert [body["model"] for body in server.bodies] == ["j"]


def test_the_mock_needs_no_server_and_is_alike(captions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    clips = generate(captions, "--model", "mock", "--judge", "mock")
    assert all(clip.negatives for clip in clips)
    captions.with_name("out.journal.sqlite").unlink()
    assert generate(captions, "--model", "mock", "--judge", "mock") == clips


def test_an_estimate_sends_nothing(captions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [str(captions), "--out", str(captions.with_name("no.jsonl")), "--model", "m", "--estimate"]
    assert main([*command, "--judge", "j"]) == 0
    assert "estimate: 3 captions, 12 requests, about " in capsys.readouterr().out
    assert [path.name for path in captions.parent.iterdir()] == ["captions.txt"]


def test_an_estimate_leaves_out_what_the_journal_holds(
    server: BatchServer, captions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = swap
    options = ["--model", "m", "--base-url", server.url, "--captions-per-request", "2", "--num", "2"]
    options += ["--kinds", "replacement,order", "--levels", "none"]
    generate(captions, *options)
    captions.write_text(CAPTIONS + "A horn honks\nA bell rings\n", encoding="utf-8")
    capsys.readouterr()
    generate(captions, *options, "--estimate")
    printed = capsys.readouterr().out
    assert printed.startswith("estimate: 5 captions, 2 requests, ")
    assert "; 8 answers are in the journal already" in printed
    assert len(server.bodies) == 4  # of the first run
    generate(captions, *options)
    assert len(server.bodies) == 6  # the caption that comes twice is sent once
    capsys.readouterr()
    generate(captions, *options, "--estimate")
    assert capsys.readouterr().out.startswith("estimate: 5 captions, 0 requests, about 0 tokens in prompts and 0 in")


def test_an_estimate_where_no_server_is_asked(captions: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = captions.with_name("out.jsonl")
    out.write_text("precious", encoding="utf-8")  # an output that exists is no obstacle
    assert main([str(captions), "--out", str(out), "--estimate"]) == 0
    assert capsys.readouterr().out == "estimate: no server is asked\n"
    assert out.read_text(encoding="utf-8") == "precious"


def test_usage_stands_in_the_report(server: BatchServer, captions: Path) -> None:
    server.script = swap
    page = captions.with_name("page.html")
    options = ["--model", "m", "--base-url", server.url, "--kinds", "replacement", "--levels", "none"]
    generate(captions, *options, "--report", str(page))
    html = page.read_text(encoding="utf-8")
    assert "<b>sent</b>: 1 requests, 100 tokens in prompts, 10 in answers" in html
    assert "<b>already in out.journal.sqlite</b>: 0 answers" in html


def test_a_dead_server_is_an_error_and_what_it_answered_is_kept(
    server: BatchServer, captions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def command(*more: str) -> int:
        asked = ["--model", "m", "--base-url", server.url, "--captions-per-request", "1", "--concurrency", "1"]
        asked += ["--kinds", "replacement", "--levels", "none", "--max-requests", "2", *more]
        return compa(["negatives", "generate", str(captions), "--out", str(captions.with_name("out.jsonl")), *asked])

    server.script = lambda body, number: swap(body, number) if number == 0 else Reply("", 500)
    assert command() == 0  # it has answered, and the budget is used up
    assert "no answer on replacement, over budget: 2 captions" in capsys.readouterr().out
    assert command("--overwrite") == 1
    printed = capsys.readouterr()
    assert "answered none of 2 requests (last: status 500)" in printed.err
    assert "sent: 2 requests, 0 tokens in prompts" in printed.out
    server.script = swap
    assert command("--overwrite") == 0
    assert "already in out.journal.sqlite: 1 answers" in capsys.readouterr().out


def test_submit_status_collect_generate(
    server: BatchServer, captions: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = swap
    at = ["--journal", str(captions.with_name("j.sqlite")), "--base-url", server.url]
    asked = [str(captions), "--model", "m", "--kinds", "replacement", "--levels", "none", *at]
    assert batch(["submit", *asked]) == 0
    assert batch(["status", *at]) == 0
    assert batch(["collect", *at]) == 0
    with pytest.raises(ValueError, match="waits for batch batch-0: run `compa negatives batch collect"):
        generate(captions, *asked[1:])
    server.finish()
    assert batch(["collect", *at]) == 0
    assert batch(["submit", *asked]) == 0
    printed = capsys.readouterr().out
    for line in (
        "submitted: batch-0",
        "batch-0: in_progress",
        "waiting for batch-0",
        "collected: 1 requests",
        "nothing to submit",
    ):
        assert line in printed
    assert len(generate(captions, *asked[1:])[0].negatives) == 2
    assert server.bodies == []


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--model", "m"], "no key: set OPENAI_API_KEY"),
        (["--model", "m", "--base-url", "localhost:8000"], "must be like http://localhost:8000/v1"),
        (["--model", "m", "--base-url", f"http://me:{KEY}@host/v1"], "no user, password or query"),
        (["--model", "m", "--judge", "mock", "--base-url", "http://localhost:9"], "are not at one server"),
    ],
)
def test_what_a_user_can_put_right_is_one_sentence(
    captions: Path,
    options: list[str],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY")
    assert compa(["negatives", "generate", str(captions), "--out", str(captions.with_name("no.jsonl")), *options]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert KEY not in error
    assert error.count("compa: ") == 1


@pytest.mark.parametrize("status", [200, 400, 401, 500])
def test_the_key_stays_out_of_everything(
    server: BatchServer, captions: Path, status: int, capfd: pytest.CaptureFixture[str]
) -> None:
    def repeats_the_key(body: dict[str, Any], _number: int) -> Reply:
        texts = [{"id": item["id"], "texts": [f"A dog says {KEY} then a man speaks"]} for item in items_of(body)]
        reply = completion(json.dumps({"answers": texts}))
        return Reply(reply.body if status == 200 else f"{KEY} is wrong", status, {"X-Key": KEY})

    server.script = repeats_the_key
    options = [
        "--model",
        "m",
        "--base-url",
        server.url,
        "--kinds",
        "replacement",
        "--levels",
        "none",
        "--max-requests",
        "3",
    ]
    compa(["negatives", "generate", str(captions), "--out", str(captions.with_name("out.jsonl")), *options])
    assert server.keys[0] == f"Bearer {KEY}"
    printed = capfd.readouterr()
    assert KEY not in printed.out + printed.err
    for path in captions.parent.iterdir():
        assert KEY.encode() not in path.read_bytes(), path
