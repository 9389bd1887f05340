"""The templates of captions, as `templates.yaml` lists them; those of attributes stand with each attribute."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

MARKS = ("none", "comma", "semicolon", "stop")
"""How parts are set apart, from the weakest to the strongest."""


@dataclass(frozen=True)
class Joins:
    """Templates that join parts with one mark, in one mention order.

    Attributes:
        pairs: Templates for two parts; `{0}` is mentioned first.
        infixes: Texts that can join any number of parts.
    """

    pairs: tuple[str, ...]
    infixes: tuple[str, ...]


@lru_cache(maxsize=1)
def templates() -> Mapping[str, Any]:
    """All templates."""
    found: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("templates.yaml").read_text(encoding="utf-8"))
    return found


@lru_cache(maxsize=16)
def joins(relation: str, strength: int, forward: bool) -> Joins:
    """The templates of a relation.

    Args:
        relation: `then` or `while`.
        strength: Index of the mark in `MARKS`.
        forward: Whether `{a}` is mentioned before `{b}`, which for `then` is time order.
    """
    first, last = ("{a}", "{b}") if forward else ("{b}", "{a}")
    fitting = [t for t in templates()[relation][MARKS[strength]] if t.index(first) < t.index(last)]
    return Joins(
        pairs=tuple(t.replace(first, "{0}").replace(last, "{1}") for t in fitting),
        infixes=tuple(t[3:-3] for t in fitting if t.startswith(first) and t.endswith(last)),
    )
