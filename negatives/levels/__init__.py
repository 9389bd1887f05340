"""The levels of positives: one module per level, named after it, with ``propose(caption, rng) -> candidates``."""

from __future__ import annotations

from negatives.kinds import Propose, modules


def available() -> dict[str, Propose]:
    """All levels with a module in this package, by their names in the manifest ("sub-scene")."""
    return modules(__name__, __path__)
