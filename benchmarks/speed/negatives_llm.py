"""Times the way of requests to a language model beside other clients: `python -m benchmarks.speed.negatives_llm`.

A server in a process of its own takes 200 ms for every answer. Each client asks it with 128 requests in flight, in
turns in one run, so that whatever else the machine does hits each alike. The ideal is the requests, divided by those in
flight, times the latency that one request at a time sees. Ours is measured whole: questions made, sent, answers read,
checked against their schema and written into a journal.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import aiohttp
import httpx2
import openai
from aiohttp import web
from negatives.llm.chat import Chat, Settings, question
from negatives.llm.server import KEY_VARIABLE, Address, Server

from benchmarks.speed.output import print_tables
from negatives.generator import Request
from negatives.llm.budget import Budget
from negatives.llm.client import Courier
from negatives.llm.generator import LanguageModel
from negatives.llm.journal import Journal
from negatives.llm.prompt import load
from negatives.llm.response import Texts
from negatives.llm.scheduler import Asker

LATENCY_SECONDS = 0.2
CAPTIONS_PER_REQUEST = 10
SETTINGS = Settings("m")
Measured = tuple[float, float]
"""Wall and processor seconds of a client that sent all its requests."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints a table; `--out` writes it to a file, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=6400, help="of each client and round; default: %(default)s")
    parser.add_argument("--concurrency", type=int, default=128, help="default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--out", type=Path, help="file for the table, in Markdown")
    options = parser.parse_args(arguments)
    os.environ[KEY_VARIABLE] = "none"
    print_tables(report(options.requests, options.concurrency, options.rounds), options.out)


def report(num_requests: int, concurrency: int, rounds: int) -> Iterator[str]:
    """Yields the lines of a table: each client's wall time to the ideal and its processor time a request."""
    load_before = os.getloadavg()[0]
    yield f"{platform.machine()}, {os.cpu_count()} cores, load {load_before:.1f} before, openai {openai.__version__}"
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    url = ours.recv()
    taken: dict[str, list[Measured]] = {name: [] for name in CLIENTS}
    try:
        latency = asyncio.run(_latency(url))
        for _ in range(rounds):
            for name, client in CLIENTS.items():
                taken[name].append(client(url, num_requests, concurrency))
    finally:
        process.terminate()
        process.join()
    ideal = num_requests / concurrency * latency
    yield f"\n{num_requests} requests, {concurrency} in flight, {latency * 1e3:.1f} ms each alone, {rounds} rounds\n"
    yield "| | wall to ideal, best | median | processor time a request, ms, best | to bare aiohttp |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    bare = min(cpu for _, cpu in taken["bare aiohttp"])
    for name, times in taken.items():
        walls = [wall / ideal for wall, _ in times]
        cpu = min(cpu for _, cpu in times)
        shown = (
            f"{min(walls):.3f} | {statistics.median(walls):.3f} | {cpu / num_requests * 1e3:.2f} | {cpu / bare:.1f} x"
        )
        yield f"| {name} | {shown} |"


def _serve(parent: Connection) -> None:
    """Answers any chat after a while, in the ids that it asks for."""

    async def answer(request: web.Request) -> web.Response:
        body = await request.json()
        await asyncio.sleep(LATENCY_SECONDS)
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


def _chat() -> Chat:
    """What ours would send."""
    prompt = load("order")
    captions = [f"A dog barks followed by a man speaking, number {i}" for i in range(CAPTIONS_PER_REQUEST)]
    return Chat([question(prompt, {"caption": caption}, 2, 0, SETTINGS) for caption in captions])


Call = Callable[[dict[str, Any]], Awaitable[Any]]


async def _work(call: Call, number: int, concurrency: int) -> Measured:
    """So many calls by so many workers; each has its connection before the clock starts."""
    body = _chat().body()
    await asyncio.gather(*(call(body) for _ in range(concurrency)))
    bodies = itertools.repeat(body, number)

    async def worker() -> None:
        for body in bodies:
            await call(body)

    wall, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(worker() for _ in range(concurrency)))
    return time.perf_counter() - wall, time.process_time() - cpu


async def _latency(url: str) -> float:
    async with _bare(url, 1) as call:
        wall, _ = await _work(call, 10, 1)
    return wall / 10


@asynccontextmanager
async def _bare(url: str, concurrency: int) -> Any:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=concurrency)) as session:

        async def call(body: dict[str, Any]) -> Any:
            async with session.post(f"{url}/chat/completions", json=body) as response:
                return await response.json()

        yield call


@asynccontextmanager
async def _httpx(url: str, concurrency: int) -> Any:
    limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with httpx2.AsyncClient(limits=limits) as client:

        async def call(body: dict[str, Any]) -> Any:
            return (await client.post(f"{url}/chat/completions", json=body)).json()

        yield call


def _openai(http_client: Callable[..., Any], is_parsed: bool) -> Any:
    @asynccontextmanager
    async def opened(url: str, concurrency: int) -> Any:
        limits = httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
        async with openai.AsyncOpenAI(api_key="none", base_url=url, http_client=http_client(limits=limits)) as client:
            completions: Any = client.chat.completions

            async def call(body: dict[str, Any]) -> Any:
                if is_parsed:
                    return await completions.parse(**(body | {"response_format": Texts}))
                return await completions.create(**body)

            yield call

    return opened


@asynccontextmanager
async def _client(url: str, concurrency: int) -> Any:
    server, chat = Server(Address(url), concurrency, 60.0), _chat()

    async def call(_: dict[str, Any]) -> Any:
        return json.loads(await server.send(chat))

    yield call
    await server.close()


def _timed(opened: Any) -> Callable[[str, int, int], Measured]:
    async def run(url: str, number: int, concurrency: int) -> Measured:
        async with opened(url, concurrency) as call:
            return await _work(call, number, concurrency)

    return lambda url, number, concurrency: asyncio.run(run(url, number, concurrency))


def _ours(url: str, number: int, concurrency: int) -> Measured:
    """From captions to candidates."""
    kinds = ("order", "relation", "count", "absence")
    with tempfile.TemporaryDirectory() as folder:
        model = Server(Address(url), concurrency, 60.0)
        with Asker(Courier(model, Budget()), Journal(Path(folder) / "j.sqlite"), concurrency) as asker:

            def ask(name: str, num_requests: int) -> None:
                num_captions = num_requests // len(kinds) * CAPTIONS_PER_REQUEST
                captions = (f"A dog barks followed by a man, {name} {i}" for i in range(num_captions))
                requests = (Request(caption, kinds, 4) for caption in captions)
                assert sum(1 for _ in LanguageModel(asker, SETTINGS, CAPTIONS_PER_REQUEST).propose(requests))

            ask("first", concurrency)
            sent = asker.courier.budget.spent.requests
            wall, cpu = time.perf_counter(), time.process_time()
            ask("then", number)
            wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
            assert asker.courier.budget.spent.requests - sent == number // len(kinds) * len(kinds)
            assert not asker.reasons, asker.reasons
    return wall, cpu


CLIENTS: dict[str, Callable[[str, int, int], Measured]] = {
    "bare aiohttp": _timed(_bare),
    "bare httpx2": _timed(_httpx),
    "openai, create": _timed(_openai(openai.DefaultAsyncHttpxClient, is_parsed=False)),
    "openai, parse": _timed(_openai(openai.DefaultAsyncHttpxClient, is_parsed=True)),
    "openai over aiohttp, create": _timed(_openai(openai.DefaultAioHttpClient, is_parsed=False)),
    "openai over aiohttp, parse": _timed(_openai(openai.DefaultAioHttpClient, is_parsed=True)),
    "ours: the client alone": _timed(_client),
    "ours: captions to candidates, with journal": _ours,
}

if __name__ == "__main__":
    main()
