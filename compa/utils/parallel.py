"""Maps a function over many items in processes or threads, in order, with bounded memory.

Processes serve work in Python, and decoders that may crash; threads serve work done outside Python, as hashing,
resampling and waiting for a server are.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack
from itertools import islice
from multiprocessing.connection import Connection
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

CHUNK = 16
"""Items that are sent to a process together, where they are small."""


def num_processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def map_threads(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    num_threads: int | None = None,
    ahead: int | None = None,
) -> Iterator[Result]:
    """Yields `function(item)` of every item, in order, computed by threads.

    At the first error, and when the caller stops, items that wait are dropped.

    Args:
        function: What it raises is raised here.
        items: Read `ahead` items ahead only.
        num_threads: How many threads; by default one for each processor.
        ahead: How many items are worked on or done beyond the one that is yielded; by default twice as many as threads.
    """
    num_threads = num_threads or num_processors()
    source = iter(items)
    waiting: deque[Future[Result]] = deque()
    pool = ThreadPoolExecutor(num_threads, "map_threads")
    try:
        for item in islice(source, ahead or 2 * num_threads):
            waiting.append(pool.submit(function, item))
        while waiting:
            result = waiting.popleft().result()
            waiting.extend(pool.submit(function, item) for item in islice(source, 1))
            yield result
    finally:
        pool.shutdown(cancel_futures=True)


def map_in_processes(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    num_workers: int,
    crashed: Callable[[Item], Result] | None = None,
    chunk: int = CHUNK,
) -> Iterator[Result]:
    """Yields `function(item)` of every item, in order.

    At the first error, when the caller stops, and when this process is killed, the workers are ended at once.

    Args:
        function: Importable by its name; what it raises is raised here.
        items: Read a few chunks ahead only.
        num_workers: How many processes.
        crashed: The result for an item that ended its process, as a decoder that breaks on a bad file does. Without
            it such an end is an error, and one worker is this very process.
        chunk: Items that are sent to a process together.

    Raises:
        ValueError: If a worker ended and there is no `crashed`.
        OSError: If processes cannot be started.
    """
    if num_workers == 1 and crashed is None:
        yield from map(function, items)
        return
    source = iter(items)
    waiting: deque[tuple[list[Item], Future[list[Result]]]] = deque()
    with ExitStack() as opened:
        pool = opened.enter_context(_Pool(num_workers))
        while True:
            while len(waiting) < 3 * num_workers and (some := list(islice(source, chunk))):
                waiting.append((some, pool.submit(function, some)))
            if not waiting:
                break
            some, future = waiting.popleft()
            try:
                yield from future.result()
            except BrokenProcessPool:
                if crashed is None:
                    _check_processes()
                    raise ValueError(
                        "a worker process was killed, perhaps for want of memory: run the same command again with "
                        "fewer --workers; if a sound breaks its decoder, `compa data verify` finds it"
                    ) from None
                yield from _one_by_one(function, some, crashed)
                opened.close()
                pool = opened.enter_context(_Pool(num_workers))
                waiting = deque((later, pool.submit(function, later)) for later, _ in waiting)


def _one_by_one(
    function: Callable[[Item], Result], items: list[Item], crashed: Callable[[Item], Result]
) -> Iterator[Result]:
    """The results of a chunk with a crash in it, an item at a time, so that the crash is the item's own."""
    rest = list(items)
    while rest:
        with _Pool(1) as pool:
            try:
                while rest:
                    yield from pool.submit(function, rest[:1]).result()
                    del rest[0]
            except BrokenProcessPool:
                _check_processes()
                yield crashed(rest.pop(0))


def _check_processes() -> None:
    """Raises OSError where no process can be started at all: which no item causes."""
    with _Pool(1) as pool:
        try:
            pool.submit(abs, [0]).result()
        except BrokenProcessPool as error:
            raise OSError("worker processes end as soon as they start; the messages above say why") from error


class _Pool:
    """Processes that live until this is closed, or this process ends, however it does."""

    def __init__(self, num_workers: int) -> None:
        context = multiprocessing.get_context("spawn")  # a forked worker would keep the lifeline open itself
        self._workers_end, self._lifeline = context.Pipe(duplex=False)
        self._executor = ProcessPoolExecutor(num_workers, context, _start_worker, (self._workers_end,))

    def __enter__(self) -> _Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self._lifeline.close()
        self._executor.shutdown(cancel_futures=True)
        self._workers_end.close()

    def submit(self, function: Callable[[Item], Result], items: list[Item]) -> Future[list[Result]]:
        try:
            return self._executor.submit(_map, function, items)
        except BrokenProcessPool as error:  # it broke while an earlier chunk was worked on
            broken: Future[list[Result]] = Future()
            broken.set_exception(error)
            return broken


def _map(function: Callable[[Item], Result], items: list[Item]) -> list[Result]:
    return [function(item) for item in items]


def _start_worker(workers_end: Connection) -> None:
    """Prepares a worker: it exits when its parent does, ignores Ctrl-C, and silences decoder warnings."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(workers_end,), daemon=True).start()
    from tqdm import tqdm

    tqdm.set_lock(threading.RLock())  # its own is a semaphore between processes, which a worker that ends would leak
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def _end_with(workers_end: Connection) -> None:
    workers_end.poll(None)
    os._exit(1)
