"""How models are named: the prefixes a user types, and the name that results show."""

from __future__ import annotations

from pathlib import Path

from compa.models import HUB
from compa.scenes import holdout

CONTROL = "control:"
MTEB = "mteb:"
PYTHON = "python:"
MODELS = f"run folder, checkpoint, {HUB}NAME, {MTEB}NAME, {CONTROL}NAME, or {PYTHON}MODULE:FACTORY"
"""The forms of a model's name, for help and errors."""


def is_control(name: str) -> bool:
    """Whether a name is that of a control."""
    return name.startswith(CONTROL)


def model_name(name: str) -> str:
    """The name of a model in results, which is never a path.

    Args:
        name: As the user gives it.

    Returns:
        The name of a run folder; `<run folder>@<checkpoint>` for a checkpoint file; `hf:` and the folder's name for a
        transformers checkpoint in a folder. Any other name with a prefix stays as it is.

    Example:
        >>> model_name("control:random")
        'control:random'
        >>> model_name("hf:laion/clap-htsat-unfused")
        'hf:laion/clap-htsat-unfused'
    """
    if name.startswith((CONTROL, MTEB, PYTHON)):
        return name
    if name.startswith(HUB):
        found = Path(name.removeprefix(HUB))
        return f"{HUB}{found.resolve().name}" if found.exists() else name
    path = Path(name).resolve()
    return f"{run_folder(path).name}@{path.stem}" if path.is_file() else path.name


def run_folder(path: Path) -> Path:
    """The run folder of a checkpoint: the nearest parent with a held-out record. A folder is its own run folder."""
    if path.is_dir():
        return path
    return next((folder for folder in path.parents if (folder / holdout.FILE_NAME).is_file()), path.parent)
