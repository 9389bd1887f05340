"""The levels of positives: one module a level, named after it, with ``propose(caption, rng) -> candidates``."""

from __future__ import annotations

from negatives.kinds import Propose, modules


def available() -> dict[str, Propose]:
    """Every level that has a module here, by its name in the manifest ("sub-scene")."""
    return modules(__name__, __path__)
