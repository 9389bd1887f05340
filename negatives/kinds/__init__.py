"""The kinds of rules: one module a kind, named after it, with ``propose(caption, rng) -> candidates``."""

from __future__ import annotations

import importlib
import pkgutil
import random
from collections.abc import Callable

Propose = Callable[[str, random.Random], list[str]]


def available() -> dict[str, Propose]:
    """Every kind that has a module here, by its name in the manifest ("attribute-swap")."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return {name.replace("_", "-"): importlib.import_module(f"{__name__}.{name}").propose for name in names}
