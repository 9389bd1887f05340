"""Opens the event bank that a user names with `--events`.

A further kind of bank is one more module of this package with the constant `ACCEPTS` (what it reads, in words) and the
functions `accepts(path) -> bool` and `open_events(path, sample_rate) -> EventBank`: `open_bank` finds it here.
"""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import cast

import compa.scenes.banks
from compa.scenes.banks.bank import EventBank


def open_bank(events: str | Path | None, sample_rate: int = 16000) -> EventBank:
    """Opens a bank of isolated sound events.

    Args:
        events: A folder with one folder a label, a CSV of clips, a TSV of strong labels, or None for the built-in
            synthesizer.
        sample_rate: The rate that every snippet gets, in Hz.

    Returns:
        The bank, with both of its splits.

    Raises:
        ValueError: If there is no such file or folder, or it holds no usable bank.
    """
    if sample_rate <= 0:
        raise ValueError(f"the sample rate must be a positive number of Hz; got {sample_rate}")
    if events is None:
        from compa.scenes.banks.synthesizer import Synthesizer

        return Synthesizer(sample_rate)
    path = Path(events)
    modules = _bank_modules()
    accepted = ", or ".join(module.ACCEPTS for module in modules)
    if not path.exists():
        raise ValueError(f"there is no {path}: events must be {accepted}")
    for module in modules:
        if module.accepts(path):
            return cast(EventBank, module.open_events(path, sample_rate))
    raise ValueError(f"{path} is not a bank of events: events must be {accepted}")


def _bank_modules() -> list[ModuleType]:
    names = sorted(module.name for module in pkgutil.iter_modules(compa.scenes.banks.__path__))
    modules = [importlib.import_module(f"compa.scenes.banks.{name}") for name in names if name != "open"]
    return [module for module in modules if hasattr(module, "open_events")]
