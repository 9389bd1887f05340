"""Work for several processes that end with the one that started them, however that ends."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import Connection
from typing import TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


def run_all(function: Callable[[Task], Result], tasks: Sequence[Task], num_workers: int) -> Iterator[Result]:
    """Runs a function on every task and yields what it gives, in the order in which tasks are finished.

    At the first error, or when the caller stops, the workers are ended at once.

    Raises:
        ValueError: If a worker was killed from outside.
    """
    if num_workers == 1 or len(tasks) <= 1:
        yield from map(function, tasks)
        return
    context = multiprocessing.get_context("spawn")  # a forked worker would keep the lifeline open itself
    worker_end, lifeline = context.Pipe(duplex=False)
    executor = ProcessPoolExecutor(
        min(num_workers, len(tasks)), mp_context=context, initializer=_end_with, initargs=(worker_end,)
    )
    try:
        for future in as_completed([executor.submit(function, task) for task in tasks]):
            yield future.result()
    except BrokenProcessPool:
        raise ValueError(
            "a worker process was killed, perhaps for want of memory: run the same command again with fewer --workers"
        ) from None
    finally:
        lifeline.close()
        executor.shutdown(cancel_futures=True)
        worker_end.close()


def _end_with(worker_end: Connection) -> None:
    """Ends this worker as soon as nobody holds the other end of the pipe; Ctrl-C is the parent's to handle."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def watch() -> None:
        worker_end.poll(None)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
