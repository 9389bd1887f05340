"""`control:constant` gives every pair the same score."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.items import Group, Scores


class Constant:
    """All pairs tie, so the score is 0 on every pair metric."""

    def __init__(self, seed: int = 0) -> None: ...

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Returns zeros; see `Scorer`."""
        return [np.zeros((len(audios), len(texts))) for audios, texts in groups]
