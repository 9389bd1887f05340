"""`control:text-only` ignores the audio: what captions reveal by their words and their length."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.items import Group, Item, Scores

MIN_TEXTS = 50
"""With fewer true or false texts than this, no classifier is fitted."""


class TextOnly:
    """Prefers texts that read like true captions: 0 on pairs, more where captions can be recognized by their words.

    Where some texts are true of no audio, such as distractors, a classifier of words and length learns to separate true
    from false texts and judges each text by the folds without it. Where every text is true of some audio there is
    nothing to learn, and the longer text gets the higher score.
    """

    def __init__(self, seed: int = 0) -> None:
        self._true: frozenset[str] = frozenset()

    def prepare(self, items: Sequence[Item]) -> None:
        """Collects the captions of all items; see `NeedsItems`."""
        self._true = frozenset(text for item in items for text in (*item.captions, *item.paraphrases))

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Returns arrays of equal rows; see `Scorer`."""
        texts = list(dict.fromkeys(text for _, texts in groups for text in texts))
        preferences = self._classified(texts) or {text: _length(text) for text in texts}
        return [np.tile([preferences[text] for text in texts], (len(audios), 1)) for audios, texts in groups]

    def _classified(self, texts: Sequence[str]) -> Mapping[str, float] | None:
        """How much each text reads like a true caption; None with too few texts to learn from."""
        is_true = np.array([text in self._true for text in texts], dtype=bool)
        if min(is_true.sum(), (~is_true).sum()) < MIN_TEXTS:
            return None
        from negatives.checks.text_leak import out_of_fold_scores

        return dict(zip(texts, out_of_fold_scores(texts, is_true, texts).tolist(), strict=True))


def _length(text: str) -> float:
    """Length in characters; a hash decides between captions of equal length, so that only equal captions tie."""
    return len(text) + _number(text) / 2**48


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
