"""Conjunctions of claims, and claims read from their canonical text."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from compa.manifest import Event
from compa.scenes.claims.claim import Claim, EventPattern, Has, Part
from compa.scenes.claims.count import Absent, Count
from compa.scenes.claims.louder import Louder
from compa.scenes.claims.relation import Then, While
from compa.scenes.claims.sound import Sound
from compa.scenes.truth import Truth, every

FORMS = (
    'Has("a"), Then("a", "b"), While("a", "b"), Louder("a", "b"), Sound("a", loudness="loud"), Count("a", 2), '
    'Absent("a"), All(claim, ...); parts of Then and While can be Then, While, Sound and Count, too'
)


@dataclass(frozen=True)
class All(Claim):
    """Every part is true."""

    parts: tuple[Claim, ...]

    def judge(self, events: Sequence[Event]) -> Truth:
        """False if a part is false, else unclear if one is unclear, else true (Kleene's conjunction)."""
        return every(part.judge(events) for part in self.parts)

    def labels(self) -> frozenset[str]:
        """The labels of all parts."""
        return frozenset().union(*(part.labels() for part in self.parts))

    def __str__(self) -> str:
        return f"All({', '.join(map(str, self.parts))})"


@lru_cache(maxsize=65536)
def parse(text: str) -> Claim:
    """Reads a claim's canonical text form, as `str(claim)` writes it.

    Example:
        >>> str(parse('Then("dog bark", While("siren", "rain"))'))
        'Then("dog bark", While("siren", "rain"))'

    Raises:
        ValueError: If the text is not a claim.
    """
    try:
        return _build(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError):
        raise ValueError(f"{text!r} is not a claim; the forms are {FORMS}") from None


_FORMS: dict[str, Callable[..., Claim]] = {
    "Has": Has,
    "Then": Then,
    "While": While,
    "Louder": Louder,
    "Sound": Sound,
    "Count": Count,
    "Absent": Absent,
}


def _build(node: ast.expr) -> Claim:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name)):
        raise ValueError
    name = node.func.id
    if name == "All" and node.args and not node.keywords:
        return All(tuple(_build(part) for part in node.args))
    if node.keywords and name != "Sound":
        raise ValueError
    attributes = {str(keyword.arg): _text(keyword.value) for keyword in node.keywords if keyword.arg is not None}
    if len(attributes) != len(node.keywords):
        raise ValueError
    if name in ("Then", "While"):
        return _FORMS[name](*map(_part, node.args))
    if name == "Count" and len(node.args) == 2:
        return Count(_text(node.args[0]), _integer(node.args[1]))
    return _FORMS[name](*map(_text, node.args), **attributes) if name in _FORMS else _refuse()


def _part(node: ast.expr) -> Part:
    if isinstance(node, ast.Constant):
        return _text(node)
    built = _build(node)
    return built if isinstance(built, EventPattern) else _refuse()


def _text(node: ast.expr) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else _refuse()


def _integer(node: ast.expr) -> int:
    return node.value if isinstance(node, ast.Constant) and type(node.value) is int else _refuse()


def _refuse() -> NoReturn:
    raise ValueError
