"""Embeds files, waveforms and texts with a trained model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compa.models.audio_windows import Audio, batches, check_several, window_batches
from compa.models.checkpoints.fingerprint import fingerprint
from compa.models.clap import CLAP

VERSION = 1
"""Rises whenever the same weights and settings give another embedding of the same file or text than before."""


class Embedder:
    """A trained CLAP that embeds files, waveforms and texts, deterministically and without gradients.

    Clips longer than the audio encoder's window are embedded window by window. A clip's embedding is the mean of its
    windows', made unit length again. The mean is weighted by the windows' lengths, so that a short rest at the end
    counts for little.

    Args:
        clap: The model.
        device: Where to run it; by default a GPU if there is one.
        batch_size: Windows or texts embedded at a time.
    """

    def __init__(self, clap: CLAP, device: str | torch.device | None = None, batch_size: int = 32) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.clap = clap.eval().to(self.device)
        self.batch_size = batch_size

    @property
    def sample_rate(self) -> int:
        """The model's sample rate in Hz; audio of other rates is resampled."""
        return self.clap.sample_rate

    @property
    def preprocessing(self) -> dict[str, Any]:
        """How clips are prepared for the model, as JSON values that results can record."""
        encoder = self.clap.audio_encoder
        return {
            "sample_rate": self.clap.sample_rate,
            "window_seconds": encoder.window_seconds,
            "pad": encoder.pad,
            "trims_silence": encoder.trims_silence,
            "mel_scale": encoder.config.mel_scale,
            "min_hz": encoder.config.min_hz,
        }

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that determines the embeddings: weights, settings, tokenizer, windows."""
        return fingerprint(self.clap, [VERSION, self.clap.describe(), self.preprocessing])

    @torch.inference_mode()
    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        """Embeds clips of any length; no more than a batch of windows is in memory.

        Args:
            audio: Paths, or pairs of a mono waveform (samples,) and its rate in Hz.

        Returns:
            (n, D) float32 unit rows.

        Raises:
            ValueError: If a file cannot be decoded, a waveform is not one-dimensional, empty or not finite, or one
                path is given in place of several.
        """
        sums = np.zeros((len(audio), self.clap.embedding_size), dtype=np.float64)
        for rows, waveforms, lengths in window_batches(
            audio, self.sample_rate, self.clap.audio_encoder.window_seconds, self.batch_size
        ):
            embedded = self.clap.embed_audio(waveforms.to(self.device), lengths.to(self.device))
            np.add.at(sums, rows, embedded.double().cpu().numpy() * lengths[:, None].numpy())
        norms = np.linalg.norm(sums, axis=1, keepdims=True)
        return np.asarray(sums / np.maximum(norms, 1e-12), dtype=np.float32)

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts as (n, D) float32 unit rows.

        Raises:
            ValueError: If one string is given in place of several, or an item is not a string.
        """
        check_several(texts)
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"{text!r} is not a text: give strings")
        parts = [self.clap.embed_text(chunk).cpu().numpy() for _, chunk in batches(enumerate(texts), self.batch_size)]
        return np.concatenate([np.zeros((0, self.clap.embedding_size), dtype=np.float32), *parts])

    def similarity(self, audio: Sequence[Audio], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine similarities (clips, texts); higher is a better match."""
        return self.embed_audio(audio) @ self.embed_text(texts).T
