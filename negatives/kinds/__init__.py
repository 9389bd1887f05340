"""The kinds of negatives: one module per kind, named after it, with ``propose(caption, rng) -> candidates``."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable, Iterable

Propose = Callable[[str, random.Random], Iterable[str]]
"""Makes candidates of a caption, the best first; they may be made lazily."""


def available() -> dict[str, Propose]:
    """All kinds with a module in this package, by their names in the manifest ("attribute-swap")."""
    return modules(__name__, __path__)


def modules(package: str, folder: Iterable[str]) -> dict[str, Propose]:
    """The `propose` functions of a package's modules, by the modules' names with hyphens."""
    names = sorted(module.name for module in pkgutil.iter_modules(folder))
    return {name.replace("_", "-"): importlib.import_module(f"{package}.{name}").propose for name in names}
