"""Which labels may be combined in a scene and in the texts about it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import numpy as np

from compa.scenes.holdout import training_pairs


class LabelPairs:
    """Labels that may be combined pair by pair.

    Args:
        labels: All labels.
        pairs: The pairs that may be combined; None takes those that are not held out.
    """

    def __init__(self, labels: Sequence[str], pairs: Iterable[tuple[str, str]] | None = None) -> None:
        compatible: dict[str, set[str]] = {label: set() for label in labels}
        for one, other in training_pairs(labels) if pairs is None else pairs:
            compatible[one].add(other)
            compatible[other].add(one)
        self.labels = tuple(label for label in labels if compatible[label])
        self._compatible: Mapping[str, set[str]] = compatible

    def draw(self, number: int, rng: np.random.Generator) -> list[str]:
        """Draws `number` labels that may all be combined, or fewer where there are no more."""
        chosen: list[str] = []
        while len(chosen) < number and (label := self.draw_another(chosen, rng)):
            chosen.append(label)
        return chosen

    def draw_another(self, chosen: Collection[str], rng: np.random.Generator) -> str | None:
        """Draws a further label that may be combined with all of these; None where there is none."""
        fits = self.compatible_labels(chosen)
        return fits[int(rng.integers(len(fits)))] if fits else None

    def compatible_labels(self, chosen: Collection[str]) -> list[str]:
        """All further labels that may be combined with all of these."""
        if not chosen:
            return list(self.labels)
        fitting = set.intersection(*(self._compatible[label] for label in chosen)) - set(chosen)
        return [label for label in self.labels if label in fitting]

    def all_allowed(self, chosen: Collection[str]) -> bool:
        """Whether these labels may all be combined with each other."""
        return all(label in self._compatible and set(chosen) - {label} <= self._compatible[label] for label in chosen)
