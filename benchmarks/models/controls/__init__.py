"""Controls: scorers by rule, which know nothing of composition.

A model's score is evidence of composition only as far as it is above theirs.

A module here with a class of its name in CamelCase is a control: `text_only.TextOnly` is `control:text-only`. The class
is a `Scorer`, made with the seed of the run; with a method `prepare` it gets the items first (see `NeedsItems`).
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from functools import lru_cache
from importlib import import_module
from typing import Any

from benchmarks.models.names import CONTROL
from benchmarks.models.options import ModelOptions, Uses
from benchmarks.scorer import Scorer
from compa.utils.text import unknown_name


@lru_cache(maxsize=1)
def controls() -> Mapping[str, type[Any]]:
    """The classes of all controls by name without prefix."""
    names = [module.name for module in pkgutil.iter_modules(__path__)]
    return {
        name.replace("_", "-"): getattr(import_module(f"{__name__}.{name}"), name.title().replace("_", ""))
        for name in names
    }


def open_model(name: str, options: ModelOptions) -> Uses:
    """Makes a control.

    Raises:
        ValueError: If there is no such control.
    """
    known = controls()
    if name.removeprefix(CONTROL) not in known:
        raise unknown_name("model", name, (CONTROL + other for other in known))
    return {Scorer: lambda: known[name.removeprefix(CONTROL)](options.seed)}
