"""A trained model of compa as `EmbeddingScorer` wants it: with a fingerprint, so that its embeddings can be kept."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

from numpy.typing import ArrayLike

from benchmarks.items import Audio
from compa.models.checkpoints.fingerprint import fingerprint
from compa.models.encoders.audio import Pad
from compa.models.pretrained import Embedder, load

VERSION = 1
"""Rises whenever the same weights and settings embed the same file or text otherwise than before."""


class Loaded:
    """What `compa.load` gives, with a name for its weights and settings.

    Args:
        name: As `compa.load` takes it.
        device: Where it runs; by default a GPU where there is one.
        pad: As `compa.load` takes it.
    """

    def __init__(self, name: str, device: str | None = None, pad: Pad | None = None) -> None:
        self._embedder: Embedder = load(name, device, pad)

    def embed_audio(self, audio: Sequence[Audio]) -> ArrayLike:
        """Embeds audios as the rows of an array (audios, dimensions)."""
        return self._embedder.embed_audio(audio)

    def embed_text(self, texts: Sequence[str]) -> ArrayLike:
        """Embeds texts as the rows of an array (texts, dimensions)."""
        return self._embedder.embed_text(texts)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that the model hears."""
        return self._embedder.clap.sample_rate

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What happens to clips before the model sees them."""
        return self._embedder.preprocessing

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides on embeddings: weights, settings, tokeniser, windows."""
        clap = self._embedder.clap
        return fingerprint(clap, [VERSION, clap.describe(), self.preprocessing])
