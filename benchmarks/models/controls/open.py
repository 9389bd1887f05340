"""Opens `control:NAME`."""

from __future__ import annotations

from benchmarks.models.controls import controls
from benchmarks.models.names import CONTROL
from benchmarks.models.options import ModelOptions, Uses
from benchmarks.scorer import Scorer
from compa.utils.text import unknown_name


def open_model(name: str, options: ModelOptions) -> Uses:
    """Makes a control.

    Raises:
        ValueError: If there is no such control.
    """
    known = controls()
    control = name.removeprefix(CONTROL)
    if control not in known:
        raise unknown_name("model", name, (CONTROL + other for other in known))
    return {Scorer: lambda: known[control](options.seed)}
