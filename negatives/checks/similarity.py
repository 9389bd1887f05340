"""A trained model's opinion of negatives: too easy, or likely true after all."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Clip

Rows = NDArray[np.float32]


class Embedder(Protocol):
    """What `compa.load` gives."""

    def embed_audio(self, audio: Sequence[Path]) -> Rows:
        """One unit row a clip."""
        ...

    def embed_text(self, texts: Sequence[str]) -> Rows:
        """One unit row a text."""
        ...


class SimilarityFilter:
    """Refuses negatives by a model's cosines.

    With audio a negative must not fit its clip better than its caption does, by more than `margin`. In any case it
    must be nearer to its caption than `min_similarity`: a negative that a model tells apart at once teaches nothing.

    Args:
        model: Embeds texts and audio.
        folder: Where relative audio paths start; None leaves audio out.
        min_similarity: Cosine of a negative and its caption.
        margin: Cosine.
    """

    def __init__(
        self, model: Embedder, folder: Path | None = None, min_similarity: float = 0.0, margin: float = 0.1
    ) -> None:
        self.model, self.folder, self.min_similarity, self.margin = model, folder, min_similarity, margin

    def __call__(self, clips: Sequence[Clip]) -> list[list[str | None]]:
        """For each negative of each clip the reason to refuse it, or None."""
        texts = list(dict.fromkeys(text for clip in clips for text in (*clip.captions, *_negatives(clip))))
        rows = dict(zip(texts, self.model.embed_text(texts), strict=True)) if texts else {}
        heard = [clip for clip in clips if clip.audio and clip.negatives and self.folder is not None]
        paths = [(self.folder or Path()) / (clip.audio or "") for clip in heard]
        sounds = dict(zip([clip.id for clip in heard], self.model.embed_audio(paths), strict=True)) if heard else {}
        return [
            [
                self._reason(
                    rows[negative.text],
                    [rows[text] for text in clip.captions]
                    if negative.of is None
                    else [rows[clip.captions[negative.of]]],
                    sounds.get(clip.id),
                )
                for negative in clip.negatives
            ]
            for clip in clips
        ]

    def _reason(self, negative: Rows, captions: Sequence[Rows], sound: Rows | None) -> str | None:
        if max(float(negative @ caption) for caption in captions) < self.min_similarity:
            return "model: too easy"
        if sound is not None and float(sound @ negative) > max(float(sound @ row) for row in captions) + self.margin:
            return "model: fits the sound"
        return None


def _negatives(clip: Clip) -> list[str]:
    return [negative.text for negative in clip.negatives]
