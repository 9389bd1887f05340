"""Embedding files, waveforms and texts with a trained model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from compa.audio.decode import audio_blocks, in_windows, resample
from compa.models.checkpoints.fingerprint import fingerprint
from compa.models.clap import CLAP

Audio = Path | str | tuple[NDArray[np.float32], int]
VERSION = 1
"""Rises whenever the same weights and settings embed the same file or text differently than before."""


class Embedder:
    """A trained CLAP that embeds files, waveforms and texts, deterministically and without gradients.

    Longer clips than the audio encoder's window are embedded window by window. A clip's embedding is the mean of its
    windows', made unit length again. The mean is weighted by the windows' lengths, so that a short rest at the end
    counts for little.

    Args:
        clap: The model.
        device: Where to run it; by default a GPU where there is one.
        batch_size: Windows or texts embedded at a time.
    """

    def __init__(self, clap: CLAP, device: str | torch.device | None = None, batch_size: int = 32) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.clap = clap.eval().to(self.device)
        self.batch_size = batch_size

    @property
    def preprocessing(self) -> dict[str, Any]:
        """What happens to clips before the model sees them, as JSON values that results can keep."""
        encoder = self.clap.audio_encoder
        return {
            "sample_rate": self.clap.sample_rate,
            "window_seconds": encoder.window_seconds,
            "pad": encoder.pad,
            "trims_silence": encoder.trims_silence,
            "mel_scale": encoder.config.mel_scale,
            "min_hz": encoder.config.min_hz,
        }

    @property
    def sample_rate(self) -> int:
        """Rate in Hz at which the model gets audio; other rates are resampled."""
        return self.clap.sample_rate

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that determines embeddings: weights, settings, tokenizer, windows."""
        return fingerprint(self.clap, [VERSION, self.clap.describe(), self.preprocessing])

    @torch.inference_mode()
    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        """Embeds clips of any length; of a file no more is in memory than the windows that are embedded together.

        Args:
            audio: Paths, or pairs of a mono waveform (samples,) and its rate in Hz.

        Returns:
            (n, D) float32 unit rows.

        Raises:
            ValueError: If a file cannot be decoded, a waveform is not one-dimensional, empty or not finite, or one
                path is given in place of several.
        """
        _check_several(audio)
        sums = np.zeros((len(audio), self.clap.embedding_size), dtype=np.float64)
        for rows, windows in _batches(self._windows(audio), self.batch_size):
            lengths = torch.tensor([len(window) for window in windows])
            padded = torch.zeros(len(windows), int(lengths.max()))
            for row, window in enumerate(windows):
                padded[row, : len(window)] = torch.from_numpy(window)
            embedded = self.clap.embed_audio(padded.to(self.device), lengths.to(self.device))
            np.add.at(sums, rows, embedded.double().cpu().numpy() * lengths[:, None].numpy())
        return _unit_rows(sums)

    @torch.inference_mode()
    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Embeds texts as (n, D) float32 unit rows.

        Raises:
            ValueError: If one string is given in place of several, or something that is no text.
        """
        _check_several(texts)
        for text in texts:
            if not isinstance(text, str):
                raise ValueError(f"{text!r} is no text: give strings")
        parts = [self.clap.embed_text(chunk).cpu().numpy() for _, chunk in _batches(enumerate(texts), self.batch_size)]
        return np.concatenate([np.zeros((0, self.clap.embedding_size), dtype=np.float32), *parts])

    def similarity(self, audio: Sequence[Audio], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine similarities (clips, texts): higher is a better match."""
        return self.embed_audio(audio) @ self.embed_text(texts).T

    def _windows(self, audio: Sequence[Audio]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        size = round(self.clap.audio_encoder.window_seconds * self.clap.sample_rate)
        for row, clip in enumerate(audio):
            for window in in_windows(_blocks(clip, self.clap.sample_rate), size):
                yield row, window


def _check_several(items: Sequence[Any]) -> None:
    """A string is a sequence, too, of letters."""
    if isinstance(items, str | Path):
        raise ValueError(f"{str(items)!r} is one, where several are expected: give a list, [{str(items)!r}]")


def _blocks(clip: Audio, sample_rate: int) -> Iterator[NDArray[np.float32]]:
    if isinstance(clip, str | Path):
        yield from audio_blocks(clip, sample_rate)
        return
    waveform, rate = clip
    waveform = np.asarray(waveform, dtype=np.float32)
    if waveform.ndim != 1 or not len(waveform):
        raise ValueError(f"a waveform of shape {waveform.shape} is not mono audio: give (samples,) with samples > 0")
    if not np.isfinite(waveform).all():
        raise ValueError("a waveform has NaN or infinite samples")
    yield resample(waveform, rate, sample_rate)


def _batches(items: Iterable[tuple[int, Any]], size: int) -> Iterator[tuple[list[int], list[Any]]]:
    rows: list[int] = []
    values: list[Any] = []
    for row, value in items:
        rows.append(row)
        values.append(value)
        if len(rows) == size:
            yield rows, values
            rows, values = [], []
    if rows:
        yield rows, values


def _unit_rows(sums: NDArray[np.float64]) -> NDArray[np.float32]:
    norms = np.linalg.norm(sums, axis=1, keepdims=True)
    return np.asarray(sums / np.maximum(norms, 1e-12), dtype=np.float32)
