"""Controls: scorers by rule, which know nothing of composition. A score is worth what it has above theirs.

A module here with a function `control(seed) -> Scorer` is the control of its name, with `-` for `_`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.scorer import Scorer


@lru_cache(maxsize=1)
def controls() -> Mapping[str, Callable[[int], Scorer]]:
    """How to make each control, given a seed, by name without prefix."""
    modules = {module.name: import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)}
    return {name.replace("_", "-"): module.control for name, module in modules.items() if hasattr(module, "control")}
