"""Claims: small trees over labels that are true, false or unclear of a timeline of events.

Words never decide truth; intervals and levels of what was really rendered do. A label may sound several times, so
a claim is about the existence of events: `Then("dog", "siren")` is true when some dog ends before some siren starts.
"""

from __future__ import annotations

import ast
import enum
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product

from compa.manifest import Event

CROSS_FADE_SECONDS = 0.05
"""`Then` allows this much overlap: a cross-fade is no simultaneity."""
MIN_OVERLAP_SHARE = 0.5
"""`While` asks for this share of the shorter event to be overlapped."""
MIN_LEVEL_DIFFERENCE_DB = 3.0
"""`Louder` asks for this difference in level."""


class Truth(enum.Enum):
    """What can be said of a claim: only TRUE makes positives, only FALSE makes negatives."""

    TRUE = "true"
    FALSE = "false"
    UNCLEAR = "unclear"


class Claim:
    """A statement about which events sound when, and how loud."""

    def judge(self, events: Sequence[Event]) -> Truth:
        """Decides this claim of a timeline by interval arithmetic."""
        raise TypeError(f"{type(self).__name__} is no claim of its own")

    def labels(self) -> frozenset[str]:
        """All labels that this claim speaks of."""
        raise TypeError(f"{type(self).__name__} is no claim of its own")


@dataclass(frozen=True)
class Has(Claim):
    """The label sounds somewhere in the clip."""

    label: str

    def judge(self, events: Sequence[Event]) -> Truth:
        """True iff an event has the label."""
        return Truth.TRUE if any(event.label == self.label for event in events) else Truth.FALSE

    def labels(self) -> frozenset[str]:
        """The one label."""
        return frozenset({self.label})

    def __str__(self) -> str:
        return f"Has({json.dumps(self.label, ensure_ascii=False)})"


@dataclass(frozen=True)
class Relation(Claim):
    """A claim about two labels."""

    first: str
    second: str

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if some pair of events stands in the relation, false if every pair clearly does not."""
        return _any(self._judge_pair(first, second) for first, second in self._pairs(events))

    def labels(self) -> frozenset[str]:
        """Both labels."""
        return frozenset({self.first, self.second})

    def _pairs(self, events: Sequence[Event]) -> Iterator[tuple[Event, Event]]:
        of_first = [event for event in events if event.label == self.first]
        of_second = [event for event in events if event.label == self.second]
        return ((a, b) for a, b in product(of_first, of_second) if a is not b)

    def _judge_pair(self, first: Event, second: Event) -> Truth:
        raise TypeError(f"{type(self).__name__} is no relation of its own")

    def __str__(self) -> str:
        labels = (json.dumps(label, ensure_ascii=False) for label in (self.first, self.second))
        return f"{type(self).__name__}({', '.join(labels)})"


@dataclass(frozen=True)
class Then(Relation):
    """The second label starts after the first has ended (up to a cross-fade)."""

    __str__ = Relation.__str__

    def _judge_pair(self, first: Event, second: Event) -> Truth:
        if second.onset >= first.offset - CROSS_FADE_SECONDS - _ROUNDING:
            return Truth.TRUE
        simultaneous = _overlap_share(first, second) >= MIN_OVERLAP_SHARE
        return Truth.FALSE if second.onset <= first.onset or simultaneous else Truth.UNCLEAR


@dataclass(frozen=True)
class While(Relation):
    """Both labels sound at once, for at least half of the shorter one."""

    __str__ = Relation.__str__

    def _judge_pair(self, first: Event, second: Event) -> Truth:
        if _overlap_share(first, second) >= MIN_OVERLAP_SHARE - _ROUNDING:
            return Truth.TRUE
        overlap = min(first.offset, second.offset) - max(first.onset, second.onset)
        return Truth.FALSE if overlap <= CROSS_FADE_SECONDS + _ROUNDING else Truth.UNCLEAR


@dataclass(frozen=True)
class Louder(Relation):
    """The first label is clearly louder than the second, whenever they sound."""

    __str__ = Relation.__str__

    def judge(self, events: Sequence[Event]) -> Truth:
        """True if every pair differs by the margin that way, false if every pair does the other way."""
        verdicts = [self._judge_pair(first, second) for first, second in self._pairs(events)]
        if not verdicts:
            return Truth.FALSE
        return verdicts[0] if len(set(verdicts)) == 1 else Truth.UNCLEAR

    def _judge_pair(self, first: Event, second: Event) -> Truth:
        if first.level_db is None or second.level_db is None:
            return Truth.UNCLEAR
        difference = first.level_db - second.level_db
        if abs(difference) < MIN_LEVEL_DIFFERENCE_DB - _ROUNDING:
            return Truth.UNCLEAR
        return Truth.TRUE if difference > 0 else Truth.FALSE


@dataclass(frozen=True)
class All(Claim):
    """Every part holds."""

    parts: tuple[Claim, ...]

    def judge(self, events: Sequence[Event]) -> Truth:
        """False if a part is false, else unclear if one is unclear, else true (Kleene's conjunction)."""
        verdicts = {part.judge(events) for part in self.parts}
        return next((truth for truth in (Truth.FALSE, Truth.UNCLEAR) if truth in verdicts), Truth.TRUE)

    def labels(self) -> frozenset[str]:
        """The labels of all parts."""
        return frozenset().union(*(part.labels() for part in self.parts))

    def __str__(self) -> str:
        return f"All({', '.join(map(str, self.parts))})"


@lru_cache(maxsize=65536)
def parse(text: str) -> Claim:
    """Reads a claim's canonical text form, as `str(claim)` writes it.

    Example:
        >>> parse('Then("dog bark", "siren")')
        Then(first='dog bark', second='siren')

    Raises:
        ValueError: If the text is no claim.
    """
    try:
        return _build(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, RecursionError):
        forms = 'Has("a"), Then("a", "b"), While("a", "b"), Louder("a", "b"), All(claim, ...)'
        raise ValueError(f"{text!r} is not a claim; the forms are {forms}") from None


_ROUNDING = 1e-6
_LEAVES: dict[str, tuple[type[Has] | type[Relation], int]] = {
    "Has": (Has, 1),
    "Then": (Then, 2),
    "While": (While, 2),
    "Louder": (Louder, 2),
}


def _build(node: ast.expr) -> Claim:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords):
        raise ValueError
    name = node.func.id
    if name == "All" and node.args:
        return All(tuple(_build(part) for part in node.args))
    claim_type, num_labels = _LEAVES.get(name, (Has, -1))
    labels = [part.value for part in node.args if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    if len(labels) != num_labels or len(node.args) != num_labels:
        raise ValueError
    return claim_type(*labels)


def _any(verdicts: Iterator[Truth]) -> Truth:
    found = set(verdicts)
    return next((truth for truth in (Truth.TRUE, Truth.UNCLEAR) if truth in found), Truth.FALSE)


def _overlap_share(first: Event, second: Event) -> float:
    overlap = min(first.offset, second.offset) - max(first.onset, second.onset)
    shorter = min(first.offset - first.onset, second.offset - second.onset)
    return max(overlap, 0.0) / shorter if shorter > 0 else 0.0
