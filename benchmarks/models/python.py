"""Models in the user's own code: `python:MODULE:FACTORY`."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.names import PYTHON
from benchmarks.models.options import ModelOptions, Uses
from benchmarks.scorer import AudioFrames, Scorer
from compa.utils.text import did_you_mean


def open_model(name: str, options: ModelOptions) -> Uses:
    """Calls a function without arguments that returns a model.

    The function's module is looked up in the current folder, then among what is installed. What it returns is a
    `Scorer`, `AudioFrames`, or both; or it embeds audio and text as `Embeds` describes.

    Raises:
        ValueError: If there is no such function, or what it returns cannot be used.
    """
    made = _factory(name)()
    uses: dict[type, Callable[[], Any]] = {
        protocol: lambda: made for protocol in (Scorer, AudioFrames) if isinstance(made, protocol)
    }
    if hasattr(made, "embed_audio") and hasattr(made, "embed_text"):
        uses.setdefault(Scorer, lambda: EmbeddingScorer(made, cache=options.cache))
    if not uses:
        raise ValueError(
            f"{name} must return an object with `score`, `frames`, or `embed_audio` and `embed_text`; "
            f"got {type(made).__name__}"
        )
    return uses


def _factory(name: str) -> Callable[[], Any]:
    module_name, _, factory = name.removeprefix(PYTHON).partition(":")
    if not module_name or not factory:
        raise ValueError(f"a model in Python must be named {PYTHON}MODULE:FACTORY; got {name!r}")
    sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ValueError(f"{name}: there is no module {error.name!r}, neither here nor installed") from None
    finally:
        sys.path.pop(0)
    make = getattr(module, factory, None)
    if not callable(make):
        raise ValueError(f"{name}: {module_name} has no function {factory!r}{did_you_mean(factory, vars(module))}")
    function: Callable[[], Any] = make
    return function
