"""A trained model of compa as `EmbeddingScorer` wants it: with a fingerprint, so that its embeddings can be kept."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property

import torch
from numpy.typing import ArrayLike

import compa
from benchmarks.groups import Audio
from compa.models.pretrained import Embedder, load

VERSION = 1
"""Rises whenever the same weights and settings embed the same file or text otherwise than before."""


class Loaded:
    """What `compa.load` gives, with a name for its weights and settings.

    Args:
        name: As `compa.load` takes it.
        device: Where it runs; by default a GPU where there is one.
    """

    def __init__(self, name: str, device: str | None = None) -> None:
        self._embedder: Embedder = load(name, device) if device else compa.load(name)

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

    @cached_property
    def fingerprint(self) -> str:
        """A hash of all that decides on embeddings: weights, settings, tokeniser, windows."""
        clap = self._embedder.clap
        preprocessing = getattr(self._embedder, "preprocessing", None)
        settings = json.dumps([VERSION, clap.describe(), preprocessing], sort_keys=True, default=repr)
        digest = hashlib.sha256(settings.encode())
        for name, value in sorted(clap.state_dict().items()):
            digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()[:32]
