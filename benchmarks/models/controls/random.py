"""`control:random` draws every score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.items import Group, Scores
from compa.utils.text import stable_hash


class Random:
    """Draws scores; the same seed and questions give the same ones.

    Args:
        seed: Of the draws.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Returns scores that are uniform in [0, 1); see `Scorer`."""
        texts = (text for _, texts in groups for text in texts)  # so that each task has draws of its own
        rng = np.random.default_rng([self.seed, stable_hash(*texts)])
        return [rng.random((len(audios), len(texts))) for audios, texts in groups]
