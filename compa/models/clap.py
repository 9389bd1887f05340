"""CLAP: an audio tower and a text tower that meet in one embedding space."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig, LogMel
from compa.models.audio_encoder import AudioEncoder, ConvTransformer
from compa.models.pooling import masked_mean, segment_means
from compa.models.text_encoder import CaptionTransformer, TextEncoder


class CLAP(nn.Module):
    """Embeds audio and texts as unit vectors whose dot product says how well they match.

    The audio pooling keeps time: the mean of all frames beside the means of equal time segments. A single vector of
    the whole clip learns order from real recordings far more slowly, if at all.

    Args:
        audio_encoder: Log-mel features to frames.
        text_encoder: Texts to token vectors.
        embedding_size: Size of the common space.
        num_segments: Time segments that the audio pooling tells apart.
    """

    def __init__(
        self,
        audio_encoder: AudioEncoder | None = None,
        text_encoder: TextEncoder | None = None,
        embedding_size: int = 256,
        num_segments: int = 4,
    ) -> None:
        super().__init__()
        self.audio_encoder = audio_encoder or ConvTransformer()
        self.text_encoder = text_encoder or CaptionTransformer()
        self.num_segments = num_segments
        self.embedding_size = embedding_size
        self.log_mel = LogMel(self.audio_encoder.config)
        self.audio_projection = _projection(self.audio_encoder.width * (1 + num_segments), embedding_size)
        self.text_projection = _projection(self.text_encoder.width, embedding_size)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that waveforms must have."""
        return self.audio_encoder.config.sample_rate

    def embed_audio(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Embeds clips.

        Args:
            waveforms: (B, samples), zero beyond each clip's length.
            lengths: (B,) samples of each clip.

        Returns:
            (B, D) unit vectors.
        """
        frames, mask = self.audio_encoder(*self.log_mel(waveforms, lengths))
        pooled = [masked_mean(frames, mask), segment_means(frames, mask, self.num_segments)]
        return _unit(self.audio_projection(torch.cat(pooled, dim=1)))

    def embed_tokens(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Embeds tokenised texts (N, L) as (N, D) unit vectors."""
        return _unit(self.text_projection(masked_mean(self.text_encoder(tokens, mask), mask)))

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embeds texts as (N, D) unit vectors."""
        device = self.log_mel.window.device
        tokens, mask = self.text_encoder.tokenise(texts)
        return self.embed_tokens(tokens.to(device), mask.to(device))

    def describe(self) -> dict[str, Any]:
        """All that is needed to build this model again but its weights, as JSON values."""
        return {
            "audio": dataclasses.asdict(self.audio_encoder.config),
            "audio_encoder": _describe(self.audio_encoder),
            "text_encoder": _describe(self.text_encoder),
            "embedding_size": self.embedding_size,
            "num_segments": self.num_segments,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> CLAP:
        """Builds the model that `describe` described, with fresh weights."""
        audio_class = _find_class(description["audio_encoder"]["class_path"], AudioEncoder)
        text_class = _find_class(description["text_encoder"]["class_path"], TextEncoder)
        config = AudioConfig(**description["audio"])
        return cls(
            audio_encoder=audio_class(config=config, **description["audio_encoder"]["init_args"]),
            text_encoder=text_class(**description["text_encoder"]["init_args"]),
            embedding_size=description["embedding_size"],
            num_segments=description["num_segments"],
        )


def _projection(size: int, embedding_size: int) -> nn.Module:
    hidden = nn.Sequential(nn.Linear(size, embedding_size), nn.GELU(), nn.LayerNorm(embedding_size))
    return nn.Sequential(*hidden, nn.Linear(embedding_size, embedding_size))


def _unit(vectors: Tensor) -> Tensor:
    return nn.functional.normalize(vectors.float() if vectors.dtype != torch.float64 else vectors, dim=-1)


def _describe(module: AudioEncoder | TextEncoder) -> dict[str, Any]:
    kind = type(module)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": dict(module.init_args)}


def _find_class(class_path: str, base: type[nn.Module]) -> type[Any]:
    """The encoder class of that name; nothing else is ever called, whatever a checkpoint names."""
    module_name, _, class_name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"the checkpoint needs {class_path}, which cannot be imported: install it first") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{class_path} is no {base.__name__}: the checkpoint cannot be trusted")
    return found
