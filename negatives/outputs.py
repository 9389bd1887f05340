"""Keeps commands from overwriting what they should not."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def check_outputs(source: Path, outputs: Mapping[str, Path | None], overwrite: bool) -> None:
    """Checks that files can be written without losing anything.

    Args:
        source: The input.
        outputs: The files to write by the name of their option; None where it is not given.
        overwrite: Whether existing files may be replaced.

    Raises:
        ValueError: If an output is the input or another output, or exists and may not be replaced.
    """
    used = {source.resolve(): "the input"}
    for name, path in outputs.items():
        if path is None:
            continue
        if (other := used.get(path.resolve())) is not None:
            raise ValueError(f"{name} {path} is {other}, too: choose another {name}")
        if path.exists() and not overwrite:
            raise ValueError(f"{path} exists: choose another {name}, or pass --overwrite to replace it")
        used[path.resolve()] = name
