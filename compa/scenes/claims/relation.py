"""Relations in time between sounds or whole patterns: one after the other, or at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims.claim import Claim, EventPattern, Match, Part, labels_of, matches_of, text_of
from compa.scenes.truth import CROSS_FADE_SECONDS, MIN_OVERLAP_FRACTION, ROUNDING, Truth, every

Span = tuple[float, float]


@dataclass(frozen=True, init=False)
class Relation(Claim):
    """A claim about at least two parts.

    Attributes:
        parts: Labels or patterns.
    """

    parts: tuple[Part, ...]

    def __init__(self, *parts: Part) -> None:
        if len(parts) < 2:
            raise ValueError(f"{type(self).__name__} needs at least two parts; got {len(parts)}")
        for part in parts:
            if not isinstance(part, str | EventPattern):
                raise ValueError(f"parts of {type(self).__name__} must be labels or patterns of events; got {part}")
        object.__setattr__(self, "parts", parts)

    @property
    def first(self) -> str:
        """The first of two labels."""
        return self._pair()[0]

    @property
    def second(self) -> str:
        """The second of two labels."""
        return self._pair()[1]

    def labels(self) -> frozenset[str]:
        """The labels of all parts."""
        return frozenset().union(*map(labels_of, self.parts))

    def _pair(self) -> tuple[str, str]:
        if len(self.parts) == 2 and isinstance(self.parts[0], str) and isinstance(self.parts[1], str):
            return self.parts[0], self.parts[1]
        raise ValueError(f"{self} must relate two labels")

    def __str__(self) -> str:
        return f"{type(self).__name__}({', '.join(map(text_of, self.parts))})"


@dataclass(frozen=True, init=False)
class _InTime(Relation, EventPattern):
    """A relation in time; parts of a part with the same relation become its own, since that means the same."""

    def __init__(self, *parts: Part) -> None:
        same = type(self)
        super().__init__(*(deeper for part in parts for deeper in (part.parts if isinstance(part, same) else (part,))))

    def matches(self, events: Sequence[Event]) -> list[Match]:
        """All ways to assign distinct events to the parts so that the relation holds, or may hold, for every pair."""
        chosen: list[tuple[tuple[Match, ...], Truth]] = [((), Truth.TRUE)]
        for part in self.parts:
            options = matches_of(part, events)
            chosen = [
                ((*before, option), truth)
                for before, so_far in chosen
                for option in options
                if not any(member in match.members for match in before for member in option.members)
                and (truth := every((so_far, option.truth, *(self._relate(match, option) for match in before))))
                is not Truth.FALSE
            ]
        return [
            Match(
                tuple(member for match in parts for member in match.members),
                tuple(span for match in parts for span in match.spans),
                truth,
            )
            for parts, truth in chosen
        ]

    def _relate(self, first: Match, second: Match) -> Truth:
        raise NotImplementedError


@dataclass(frozen=True, init=False)
class Then(_InTime):
    """Each part starts after the one before has ended, up to a cross-fade."""

    __str__ = Relation.__str__

    def _relate(self, first: Match, second: Match) -> Truth:
        one, other = first.span, second.span
        if other[0] >= one[1] - CROSS_FADE_SECONDS - ROUNDING:
            return Truth.TRUE
        simultaneous = _overlap_fraction(one, other) >= MIN_OVERLAP_FRACTION
        return Truth.FALSE if other[0] <= one[0] or simultaneous else Truth.UNCLEAR


@dataclass(frozen=True, init=False)
class While(_InTime):
    """The parts overlap.

    Of two parts, each event of the one overlaps the whole of the other for at least half of the shorter: "a, then b,
    all the while c" is false where c overlaps a alone.
    """

    __str__ = Relation.__str__

    def _relate(self, first: Match, second: Match) -> Truth:
        verdicts = [_at_once(span, second.span) for span in first.spans]
        return every((*verdicts, *(_at_once(span, first.span) for span in second.spans)))


def _at_once(one: Span, other: Span) -> Truth:
    if _overlap_fraction(one, other) >= MIN_OVERLAP_FRACTION - ROUNDING:
        return Truth.TRUE
    return Truth.FALSE if _overlap(one, other) <= CROSS_FADE_SECONDS + ROUNDING else Truth.UNCLEAR


def _overlap(one: Span, other: Span) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])


def _overlap_fraction(one: Span, other: Span) -> float:
    shorter = min(one[1] - one[0], other[1] - other[0])
    return max(_overlap(one, other), 0.0) / shorter if shorter > 0 else 0.0
