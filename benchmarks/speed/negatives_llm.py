"""What the client for language models costs beside a server's answers, and beside plainer clients.

A server in another process takes `--latency` seconds for every answer. Each client has `--concurrency` requests in
flight, one client after the other, so that other load on the machine affects each alike. The ideal wall time is the
requests, divided by those in flight, times the time that one alone takes. The last row is measured whole: prompts made,
requests sent, answers parsed, checked by their schema and committed to a journal.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import httpx2
import openai
from aiohttp import web

from benchmarks.speed.output import machine, measuring_parser, print_tables
from compa.utils.arguments import non_negative_float, positive_int
from negatives.generator import Request
from negatives.llm.budget import Budget
from negatives.llm.client import RetryingClient
from negatives.llm.errors import KEY_VARIABLE
from negatives.llm.generator import LanguageModel
from negatives.llm.journal import Journal
from negatives.llm.openai_server import OpenAIServer
from negatives.llm.prompt import load
from negatives.llm.request import ChatRequest, ModelSettings, prompt_item
from negatives.llm.scheduler import RequestScheduler

CAPTIONS_PER_REQUEST = 10
KINDS = ("order", "relation", "count", "absence")
SETTINGS = ModelSettings("m")
Measured = tuple[float, float]
"""Wall and processor seconds of a client that sent all its requests."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints a table."""
    parser = measuring_parser("negatives_llm", __doc__)
    parser.add_argument("--requests", metavar="N", type=positive_int, default=3200, help="of each client and round")
    parser.add_argument("--concurrency", metavar="N", type=positive_int, default=128, help="requests in flight")
    parser.add_argument("--latency", metavar="S", type=non_negative_float, default=2.0, help="seconds of an answer")
    parser.add_argument("--rounds", metavar="N", type=positive_int, default=3, help="of which the best is shown")
    options = parser.parse_args(arguments)
    os.environ[KEY_VARIABLE] = "none"
    print_tables(report(options.requests, options.concurrency, options.latency, options.rounds), options.out)


def report(num_requests: int, concurrency: int, latency: float, rounds: int) -> Iterator[str]:
    """Yields the lines of a table: each client's wall time to the ideal and its processor time per request."""
    yield f"{machine()}, openai {openai.__version__}"
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe()
    process = context.Process(target=_serve, args=(sender, latency), daemon=True)
    process.start()
    url = receiver.recv()
    measured: dict[str, list[Measured]] = {name: [] for name in CLIENTS}
    try:
        alone, _ = _httpx(url, 5, 1)
        for _ in range(rounds):
            for name, client in CLIENTS.items():
                measured[name].append(client(url, num_requests, concurrency))
    finally:
        process.terminate()
        process.join()
    ideal = num_requests / concurrency * alone / 5
    yield f"\n{num_requests} requests, {concurrency} in flight, {alone / 5:.3f} s each alone, {rounds} rounds\n"
    yield "| client | wall to ideal, best | median | processor time per request, ms, best |"
    yield "| --- | ---: | ---: | ---: |"
    for name, times in measured.items():
        walls = [wall / ideal for wall, _ in times]
        cpu = min(cpu for _, cpu in times) / num_requests * 1e3
        yield f"| {name} | {min(walls):.3f} | {statistics.median(walls):.3f} | {cpu:.2f} |"


def _serve(parent: Connection, latency: float) -> None:
    """Answers any chat after a while, under the ids that it asks for."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(latency)
        items = json.loads(body["messages"][1]["content"])["items"]
        texts = [{"id": item["id"], "texts": ["a man speaks and then a dog barks"] * 2} for item in items]
        message = {"role": "assistant", "content": json.dumps({"answers": texts})}
        completion = {"id": "x", "object": "chat.completion", "created": 1, "model": "m"}
        usage = {"prompt_tokens": 400, "completion_tokens": 200, "total_tokens": 600}
        choices = [{"index": 0, "finish_reason": "stop", "message": message}]
        return web.json_response(completion | {"choices": choices, "usage": usage})

    async def run() -> None:
        application = web.Application()
        application.router.add_post("/v1/chat/completions", answer)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=1024).start()
        parent.send("http://{}:{}/v1".format(*runner.addresses[0][:2]))
        await asyncio.Event().wait()

    asyncio.run(run())


def _request() -> ChatRequest:
    captions = [f"A dog barks followed by a man speaking, number {i}" for i in range(CAPTIONS_PER_REQUEST)]
    return ChatRequest([prompt_item(load("order"), {"caption": caption}, 2, 0, SETTINGS) for caption in captions])


def _timed(call: Callable[[], Any], number: int, concurrency: int) -> Measured:
    """Calls from a pool of threads; every thread has its connection before the clock starts."""
    with ThreadPoolExecutor(concurrency) as pool:
        list(pool.map(lambda _: call(), range(concurrency)))
        wall, cpu = time.perf_counter(), time.process_time()
        list(pool.map(lambda _: call(), range(number)))
        return time.perf_counter() - wall, time.process_time() - cpu


def _httpx(url: str, number: int, concurrency: int) -> Measured:
    body = _request().body()
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    with httpx2.Client(limits=limits, timeout=60.0) as client:
        return _timed(lambda: client.post(f"{url}/chat/completions", json=body).json(), number, concurrency)


def _openai(url: str, number: int, concurrency: int) -> Measured:
    body = _request().body()
    with openai.OpenAI(api_key="none", base_url=url, max_retries=0) as client:
        completions: Any = client.chat.completions
        return _timed(lambda: completions.create(**body), number, concurrency)


def _server(url: str, number: int, concurrency: int) -> Measured:
    server, request = OpenAIServer(url, 60.0), _request()
    try:
        return _timed(lambda: json.loads(server.send(request, 0)), number, concurrency)
    finally:
        server.close()


def _pipeline(url: str, number: int, concurrency: int) -> Measured:
    """From captions to candidates."""
    with tempfile.TemporaryDirectory() as folder:
        client = RetryingClient(OpenAIServer(url, 60.0), Budget())
        with RequestScheduler(client, Journal(Path(folder) / "j.sqlite"), concurrency) as scheduler:

            def propose(name: str, num_requests: int) -> None:
                num_captions = num_requests // len(KINDS) * CAPTIONS_PER_REQUEST
                captions = (f"A dog barks followed by a man, {name} {i}" for i in range(num_captions))
                requests = (Request(caption, KINDS, 4) for caption in captions)
                assert sum(1 for _ in LanguageModel(scheduler, SETTINGS, CAPTIONS_PER_REQUEST).propose(requests))

            propose("first", concurrency)
            sent = client.budget.used.requests
            wall, cpu = time.perf_counter(), time.process_time()
            propose("then", number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert client.budget.used.requests - sent == number // len(KINDS) * len(KINDS)
            assert not scheduler.reasons, scheduler.reasons
    return wall, cpu


CLIENTS: dict[str, Callable[[str, int, int], Measured]] = {
    "httpx2": _httpx,
    "openai": _openai,
    "`OpenAIServer`": _server,
    "captions to candidates, with journal": _pipeline,
}

if __name__ == "__main__":
    main()
