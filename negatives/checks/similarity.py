"""Checks negatives by a trained model's similarities: too easy, or likely true of the sound."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Clip

Rows = NDArray[np.float32]


class Embedder(Protocol):
    """The interface of what `compa.load` returns."""

    def embed_audio(self, audio: Sequence[Path]) -> Rows:
        """Unit rows, one per clip."""
        ...

    def embed_text(self, texts: Sequence[str]) -> Rows:
        """Unit rows, one per text."""
        ...


class SimilarityFilter:
    """Refuses negatives by cosine similarities of a model's embeddings.

    A negative must be at least `min_similarity` to its caption, as one that a model separates easily teaches nothing.
    Where there is audio, its similarity to the sound must not exceed that of its caption by more than `margin`.

    Args:
        model: Embeds texts and audio.
        folder: Folder that relative audio paths start from; None ignores audio.
        min_similarity: Least cosine similarity of a negative and its caption.
        margin: Difference of cosine similarities.
    """

    def __init__(
        self, model: Embedder, folder: Path | None = None, min_similarity: float = 0.0, margin: float = 0.1
    ) -> None:
        self.model, self.folder, self.min_similarity, self.margin = model, folder, min_similarity, margin

    def __call__(self, clips: Sequence[Clip]) -> list[list[str | None]]:
        """For each negative of each clip the reason to refuse it, or None."""
        texts = list(dict.fromkeys(text for clip in clips for text in (*clip.captions, *_negatives(clip))))
        rows = dict(zip(texts, self.model.embed_text(texts), strict=True)) if texts else {}
        with_audio = [clip for clip in clips if clip.audio and clip.negatives and self.folder is not None]
        paths = [(self.folder or Path()) / (clip.audio or "") for clip in with_audio]
        sounds = (
            dict(zip([clip.id for clip in with_audio], self.model.embed_audio(paths), strict=True))
            if with_audio
            else {}
        )
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
