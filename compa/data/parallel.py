"""Maps a function over many items in processes, in order, with bounded memory; a crash costs one item only."""

from __future__ import annotations

import argparse
import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items that travel together."""


def add_workers_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--workers`: by default as many as there are processors that this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    parser.add_argument("--workers", type=_count, default=available, metavar="N", help="default: %(default)s")


def map_in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    crashed: Callable[[Item], Result],
    num_workers: int,
) -> Iterator[Result]:
    """Yields `function(item)` of every item, in order.

    Args:
        function: Importable by its name; what it raises is raised here.
        items: Read a few chunks ahead only.
        crashed: The result for an item that ended its process, as a decoder that breaks on a bad file does.
        num_workers: How many processes; they end when this one does, even by a kill.

    Raises:
        OSError: If processes cannot be started.
    """
    source = iter(items)
    waiting: deque[tuple[list[Item], Future[list[Result]]]] = deque()
    pool = _pool(num_workers)
    try:
        while True:
            while len(waiting) < 3 * num_workers and (chunk := list(islice(source, CHUNK))):
                waiting.append((chunk, _submit(pool, function, chunk)))
            if not waiting:
                break
            chunk, future = waiting.popleft()
            try:
                yield from future.result()
            except BrokenProcessPool:
                yield from _one_by_one(function, chunk, crashed)
                pool.shutdown(cancel_futures=True)
                pool = _pool(num_workers)
                waiting = deque((later, _submit(pool, function, later)) for later, _ in waiting)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _one_by_one(
    function: Callable[[Item], Result], chunk: list[Item], crashed: Callable[[Item], Result]
) -> Iterator[Result]:
    """The results of a chunk with a crash in it, an item at a time, so that the crash is the item's own."""
    rest = list(chunk)
    while rest:
        with _pool(1) as pool:
            try:
                while rest:
                    yield from _submit(pool, function, rest[:1]).result()
                    del rest[0]
            except BrokenProcessPool:
                _check_processes()
                yield crashed(rest.pop(0))


def _check_processes() -> None:
    """Raises OSError where no process can be started at all: that is no item's fault."""
    with _pool(1) as pool:
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            raise OSError("worker processes end as soon as they start; the messages above say why") from error


def _submit(pool: ProcessPoolExecutor, function: Callable[[Item], Result], chunk: list[Item]) -> Future[list[Result]]:
    try:
        return pool.submit(_map, function, chunk)
    except BrokenProcessPool as error:  # it broke while an earlier chunk was worked on
        broken: Future[list[Result]] = Future()
        broken.set_exception(error)
        return broken


def _map(function: Callable[[Item], Result], chunk: list[Item]) -> list[Result]:
    return [function(item) for item in chunk]


def _pool(num_workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(num_workers, multiprocessing.get_context("spawn"), _start_worker)


def _start_worker() -> None:
    """Ends this process with its parent, and keeps decoders' own warnings off the screen."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent,), daemon=True).start()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _end_after(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of at least 1")
    return int(text)
