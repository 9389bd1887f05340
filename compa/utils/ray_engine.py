"""Maps a function over many items by tasks of Ray (an extra), in a cluster or on this machine."""

from __future__ import annotations

import importlib
import logging
import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

LOCAL_STORE_BYTES = 100 * 2**20
"""The items here are small; without a limit Ray reserves a third of the memory."""


def map_on_ray(function: Callable[[Item], Result], items: Iterable[Item], num_workers: int) -> Iterator[Result]:
    """Yields `function(item)` of every item, in the order in which they are finished.

    A worker or node that is lost costs the tasks it worked on, which Ray starts anew.

    Args:
        function: Importable by its name wherever Ray runs it; what it raises is raised here.
        items: Read as far ahead as keeps all processors busy.
        num_workers: Processors of the Ray that is started here. A cluster that `RAY_ADDRESS` names, or that
            `ray start` has begun on this machine, lends all of its own.

    Raises:
        ValueError: If Ray is not installed, its cluster cannot be reached, or a task's worker is lost again and again.
    """
    try:
        ray: Any = importlib.import_module("ray")
    except ImportError as error:
        raise ValueError("this engine needs Ray: pip install 'compa[ray]'") from error
    with _connected(ray, num_workers):
        task = ray.remote(function)
        at_a_time = 2 * max(int(ray.cluster_resources().get("CPU", 1)), 1)
        source = iter(items)
        pending = [task.remote(item) for item in islice(source, at_a_time)]
        try:
            while pending:
                done, pending = ray.wait(pending)
                pending += [task.remote(item) for item in islice(source, len(done))]
                yield from ray.get(done)
        except ray.exceptions.RayTaskError as error:
            raise error.cause from None
        except ray.exceptions.RayError as error:
            reason = str(error).strip().splitlines()[0]
            raise ValueError(f"Ray lost a worker ({reason}): run the same command again, it goes on") from None
        finally:
            for left in pending:
                ray.cancel(left, force=True)


def _check_address(address: str) -> None:
    """Raises ValueError where nobody listens; Ray itself would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if not port.isdecimal():
        return  # "auto", "local", or none
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except OSError as error:
        raise ValueError(f"no Ray cluster answers at RAY_ADDRESS {address} ({error}): start one, or unset it") from None


@contextmanager
def _connected(ray: Any, num_workers: int) -> Iterator[None]:
    """Uses the connection that there is, or makes one and ends it."""
    if ray.is_initialized():
        yield
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # Ray's future default, which avoids its warning
    quiet = {"logging_level": logging.ERROR, "log_to_driver": False}
    _check_address(os.environ.get("RAY_ADDRESS", ""))
    try:
        ray.init(address="auto", **quiet)
    except ConnectionError:
        local = {"include_dashboard": False, "object_store_memory": LOCAL_STORE_BYTES}
        ray.init(address="local", num_cpus=num_workers, **local, **quiet)
    try:
        yield
    finally:
        ray.shutdown()
