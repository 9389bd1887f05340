"""One benchmark task per file. A module here with a `TASK` (see `task.Task`) is found by its name."""

from __future__ import annotations

import pkgutil
from functools import lru_cache
from importlib import import_module

from benchmarks.tasks.task import Task
from compa.utils.text import unknown_name


@lru_cache(maxsize=1)
def _registry() -> dict[str, Task]:
    modules = (import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    tasks: list[Task] = [module.TASK for module in modules if hasattr(module, "TASK")]
    return {task.name: task for task in sorted(tasks, key=lambda task: task.name)}


def tasks() -> dict[str, Task]:
    """All tasks by name."""
    return dict(_registry())


def find_task(name: str) -> Task:
    """The task of a name.

    Raises:
        ValueError: If there is none; lists the known ones.
    """
    try:
        return _registry()[name]
    except KeyError:
        raise unknown_name("task", name, _registry()) from None
