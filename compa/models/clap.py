"""CLAP: an audio tower and a text tower with a common embedding space."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args

import torch
from torch import Tensor, nn

from compa.audio.features import AudioConfig
from compa.models.encoders.audio import AudioEncoder, ConvTransformer
from compa.models.encoders.text import CaptionTransformer, TextEncoder
from compa.models.layers.pooling import masked_mean, segment_means
from compa.models.layers.silence import without_silence

Projection = Literal["norm", "relu", "gelu"]
SCALES = ("logit_scale_a", "logit_scale_t")
"""Logarithms of the inverse temperature, under their names in transformers' ClapModel; no weights of a `CLAP`."""


class CLAP(nn.Module):
    """Embeds audio and texts as unit vectors whose dot product measures how well they match.

    One half of the audio embedding is a projection of the mean of all frames. The other half keeps time: the means of a
    few equal time segments, each through the same smaller projection. A single vector of the whole clip learns order
    from real recordings far more slowly, if at all. With one projection for each segment, a sound would have other
    directions in each of them, and the order of two sounds that were never combined in training would stay unknown.

    Args:
        audio_encoder: Log-mel features to frames.
        text_encoder: Texts to token vectors.
        embedding_size: Size of the common space.
        num_segments: Time segments of the audio embedding; with 0 all of it is a projection of the mean.
        projection: From a tower into the common space: two linear layers with GELU and a layer norm between them
            (`norm`), or with `relu` or `gelu` alone, as in CLAP checkpoints.

    Attributes:
        origin: Settings of a checkpoint of transformers or LAION that exporting it again needs, as JSON values; its
            `scales` are those of the last training, or else the checkpoint's.

    Raises:
        ValueError: If half of the embedding does not divide into the segments.
    """

    def __init__(
        self,
        audio_encoder: AudioEncoder | None = None,
        text_encoder: TextEncoder | None = None,
        embedding_size: int = 256,
        num_segments: int = 4,
        projection: Projection = "norm",
    ) -> None:
        super().__init__()
        if projection not in get_args(Projection):
            raise ValueError(f"projection must be one of {', '.join(get_args(Projection))}; got {projection!r}")
        self.audio_encoder = audio_encoder or ConvTransformer()
        self.text_encoder = text_encoder or CaptionTransformer()
        self.num_segments = num_segments
        self.embedding_size = embedding_size
        self.projection = projection
        self.origin: dict[str, Any] = {}
        self.log_mel = self.audio_encoder.front_end()
        if num_segments and embedding_size % (2 * num_segments):
            raise ValueError(
                f"embedding_size must be a multiple of {2 * num_segments} with {num_segments} time segments; "
                f"got {embedding_size}"
            )
        width, of_clip = self.audio_encoder.width, embedding_size // 2 if num_segments else embedding_size
        self.clip_projection = _projection(projection, width, embedding_size, of_clip)
        if num_segments:
            self.segment_projection = _projection(projection, width, embedding_size, of_clip // num_segments)
        self.text_projection = _projection(projection, self.text_encoder.width, embedding_size, embedding_size)

    @property
    def sample_rate(self) -> int:
        """Rate in Hz that waveforms must have."""
        return self.audio_encoder.config.sample_rate

    @property
    def device(self) -> torch.device:
        """The device of the model."""
        return next(self.text_projection.parameters()).device

    def embed_audio(self, waveforms: Tensor, lengths: Tensor) -> Tensor:
        """Embeds clips.

        Args:
            waveforms: (B, samples), zero beyond each clip's length.
            lengths: (B,) samples of each clip.

        Returns:
            (B, D) unit vectors.
        """
        return self.embed_features(*self.log_mel(*self.audio_encoder.prepare(waveforms, lengths)))

    def embed_features(self, features: Tensor, mask: Tensor) -> Tensor:
        """Embeds clips by features (B, T, mels) that are real where the mask (B, T) is True, as (B, D) unit vectors."""
        if self.audio_encoder.trims_silence:
            features, mask = without_silence(features, mask, self.audio_encoder.config)
        frames = self.audio_encoder(features, mask)
        of_clip = self.clip_projection(masked_mean(frames.last, frames.mask))
        if not self.num_segments:
            return _unit(of_clip)
        of_segments = self.segment_projection(segment_means(frames.last, frames.mask, self.num_segments))
        return _unit(torch.cat([of_clip, of_segments.flatten(1)], dim=1))

    def embed_text(self, texts: Sequence[str]) -> Tensor:
        """Embeds texts as (N, D) unit vectors; equal ones are encoded once."""
        if not texts:
            return torch.zeros(0, self.embedding_size, device=self.device)
        different = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        embedded = _unit(self.text_projection(self.text_encoder.embed(list(different), self.device)))
        if len(different) == len(texts):
            return embedded
        return embedded[torch.tensor([different[text] for text in texts], device=self.device)]

    def embed_tokens(self, tokens: Tensor, mask: Tensor) -> Tensor:
        """Embeds tokenized texts (N, L), with a mask that is True on real tokens, as (N, D) unit vectors."""
        return _unit(self.text_projection(self.text_encoder.pool(self.text_encoder(tokens, mask), mask)))

    def describe(self) -> dict[str, Any]:
        """Everything that is needed to build this model again except for its weights, as JSON values."""
        return {
            "audio": dataclasses.asdict(self.audio_encoder.config),
            "audio_encoder": _describe(self.audio_encoder),
            "text_encoder": _describe(self.text_encoder),
            "embedding_size": self.embedding_size,
            "num_segments": self.num_segments,
            "projection": self.projection,
            "origin": self.origin,
        }

    @classmethod
    def from_description(cls, description: dict[str, Any]) -> CLAP:
        """Builds a model with fresh weights from what `describe` returned."""
        audio_class = _find_class(description["audio_encoder"]["class_path"], AudioEncoder)
        text_class = _find_class(description["text_encoder"]["class_path"], TextEncoder)
        config = AudioConfig(**description["audio"])
        clap = cls(
            audio_encoder=audio_class(config=config, **description["audio_encoder"]["init_args"]),
            text_encoder=text_class(**description["text_encoder"]["init_args"]),
            embedding_size=description["embedding_size"],
            num_segments=description["num_segments"],
            projection=description.get("projection", "norm"),
        )
        clap.origin = description.get("origin", {})
        return clap


_OLD_MODULES = {
    "audio_encoder": "audio",
    "htsat": "htsat",
    "spectrogram_transformer": "spectrogram_transformer",
    "text_encoder": "text",
    "transformers_audio": "transformers_audio",
    "transformers_text": "transformers_text",
}
"""Modules of `compa.models` before they moved to `compa.models.encoders`."""
_OLD_ARGUMENTS = {"tokeniser": "tokenizer", "normalise": "normalize"}


def current_description(description: Mapping[str, Any]) -> dict[str, Any]:
    """A description as this version writes it, of one that an earlier version wrote."""

    def current(encoder: Mapping[str, Any]) -> dict[str, Any]:
        module, _, name = encoder["class_path"].rpartition(".")
        package, _, old = module.rpartition(".")
        if package == "compa.models" and old in _OLD_MODULES:
            module = f"compa.models.encoders.{_OLD_MODULES[old]}"
        arguments = {_OLD_ARGUMENTS.get(key, key): value for key, value in encoder["init_args"].items()}
        return {"class_path": f"{module}.{name}", "init_args": arguments}

    return {
        **description,
        "audio_encoder": current(description["audio_encoder"]),
        "text_encoder": current(description["text_encoder"]),
    }


def _projection(kind: Projection, size: int, hidden: int, embedding_size: int) -> nn.Module:
    between = [nn.ReLU()] if kind == "relu" else [nn.GELU()]
    norm = [nn.LayerNorm(hidden)] if kind == "norm" else []
    return nn.Sequential(nn.Linear(size, hidden), *between, *norm, nn.Linear(hidden, embedding_size))


def _unit(vectors: Tensor) -> Tensor:
    return nn.functional.normalize(vectors.float() if vectors.dtype != torch.float64 else vectors, dim=-1)


def _describe(module: AudioEncoder | TextEncoder) -> dict[str, Any]:
    kind = type(module)
    return {"class_path": f"{kind.__module__}.{kind.__qualname__}", "init_args": dict(module.init_args)}


def _find_class(class_path: str, base: type[nn.Module]) -> type[Any]:
    """Finds an encoder class; anything else that a checkpoint names is refused and never called."""
    module_name, _, class_name = class_path.rpartition(".")
    try:
        found = getattr(importlib.import_module(module_name), class_name)
    except (ImportError, AttributeError, ValueError):
        raise ValueError(f"the checkpoint needs {class_path}, which cannot be imported: install its package") from None
    if not (isinstance(found, type) and issubclass(found, base)):
        raise ValueError(f"{class_path} is not a class of {base.__name__}: the checkpoint cannot be trusted")
    return found
