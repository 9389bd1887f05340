"""The kinds of rules: one module a kind, named after it, with ``propose(caption, rng) -> candidates``."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterable

Propose = Callable[[str, random.Random], Iterable[str]]
"""What is made of a caption, the best first; it may be made only as it is asked for."""


def available() -> dict[str, Propose]:
    """Every kind that has a module here, by its name in the manifest ("attribute-swap")."""
    return modules(__name__, __path__)


def modules(package: str, folder: Iterable[str]) -> dict[str, Propose]:
    """What the modules of a package propose, by their names with hyphens."""
    names = sorted(module.name for module in pkgutil.iter_modules(folder))
    return {name.replace("_", "-"): importlib.import_module(f"{package}.{name}").propose for name in names}
