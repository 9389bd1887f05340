"""Errors for names that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def unknown(what: str, name: str, known: Iterable[str]) -> ValueError:
    """The error for an unknown name: lists the legal ones, and says which one is near.

    Args:
        what: What was asked for ("task", "model", ...).
        name: The name that nobody knows.
        known: The legal names.

    Example:
        >>> print(unknown("task", "scene-order", ["scenes-attribute", "scenes-order"]))
        unknown task 'scene-order'; did you mean 'scenes-order'? (known: scenes-attribute, scenes-order)
    """
    names = sorted(known)
    return ValueError(f"unknown {what} {name!r}{did_you_mean(name, names)} (known: {', '.join(names) or 'none'})")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The part of an error that offers the nearest legal name; empty where none is near."""
    near = difflib.get_close_matches(name, sorted(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def run_folder(path: Path) -> Path:
    """The run folder of a checkpoint: the nearest parent with a held-out record. A folder is its own run folder."""
    if path.is_dir():
        return path
    return next((folder for folder in path.parents if (folder / HELD_OUT_FILE).is_file()), path.parent)


def run_folder(path: Path) -> Path:
    """The run folder of a checkpoint: the nearest parent with a held-out record. A folder is its own run folder."""
    if path.is_dir():
        return path
    return next((folder for folder in path.parents if (folder / HELD_OUT_FILE).is_file()), path.parent)
