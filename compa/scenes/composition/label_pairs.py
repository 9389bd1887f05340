"""Which labels may be combined in a scene, and in the texts about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from compa.scenes.holdout import training_pairs


class Company:
    """Labels that may be combined pair by pair.

    Args:
        labels: All of them.
        pairs: The pairs that may be combined; None takes those that are not held out.
    """

    def __init__(self, labels: Sequence[str], pairs: Iterable[tuple[str, str]] | None = None) -> None:
        partners: dict[str, set[str]] = {label: set() for label in labels}
        for one, other in training_pairs(labels) if pairs is None else pairs:
            partners[one].add(other)
            partners[other].add(one)
        self.labels = tuple(label for label in labels if partners[label])
        self._partners: Mapping[str, set[str]] = partners

    def draw(self, number: int, rng: np.random.Generator) -> list[str]:
        """So many labels that may all be combined, or fewer where there are no more."""
        chosen: list[str] = []
        while len(chosen) < number and (label := self.another(chosen, rng)):
            chosen.append(label)
        return chosen

    def another(self, chosen: Collection[str], rng: np.random.Generator) -> str | None:
        """A label that may be combined with all of these and is none of them; None where there is none."""
        fits = self.partners(chosen)
        return fits[int(rng.integers(len(fits)))] if fits else None

    def partners(self, chosen: Collection[str]) -> list[str]:
        """All labels that may be combined with all of these."""
        if not chosen:
            return list(self.labels)
        fitting = set.intersection(*(self._partners[label] for label in chosen)) - set(chosen)
        return [label for label in self.labels if label in fitting]

    def may_meet(self, chosen: Collection[str]) -> bool:
        """Whether these are labels that may all be combined with each other."""
        return all(label in self._partners and set(chosen) - {label} <= self._partners[label] for label in chosen)
