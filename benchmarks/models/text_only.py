"""The control that only reads: what captions give away by their words and their length."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.items import Group, Scores
from benchmarks.tasks import Item

MIN_TEXTS = 50
"""With fewer texts of either sort there is nothing to fit a classifier to."""


class TextOnly:
    """Prefers texts that read like true captions, hears nothing: 0 on pairs, more where captions give themselves away.

    Where the items hold texts that are true of no audio, such as planted distractors, a classifier of words and length
    learns in k folds to tell the others from these, and judges each text by the folds without it. Where every text is
    some audio's caption, reading can tell nothing, and it prefers the longer one.
    """

    def __init__(self) -> None:
        self._true: frozenset[str] = frozenset()

    def tell(self, items: Sequence[Item]) -> None:
        """Learns which texts are captions; see `Told`."""
        self._true = frozenset(text for item in items for text in (*item.captions, *item.paraphrases))

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Equal rows; see `Scorer`."""
        texts = list(dict.fromkeys(text for _, texts in groups for text in texts))
        preferences = self._classified(texts) or {text: _length(text) for text in texts}
        return [np.tile([preferences[text] for text in texts], (len(audios), 1)) for audios, texts in groups]

    def _classified(self, texts: Sequence[str]) -> Mapping[str, float] | None:
        """How much each text reads like a caption, or None where there is nothing to learn it from."""
        is_true = np.array([text in self._true for text in texts], dtype=bool)
        if min(is_true.sum(), (~is_true).sum()) < MIN_TEXTS:
            return None
        from negatives.checks.text_leak import out_of_fold_scores

        return dict(zip(texts, out_of_fold_scores(texts, is_true, texts).tolist(), strict=True))


def _length(text: str) -> float:
    """Length in characters; between captions of one length a hash decides, so that only equal ones tie."""
    return len(text) + _number(text) / 2**48


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")
