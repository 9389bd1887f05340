"""Trained models in and out of run folders, and embedding with them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from compa.audio.decode import audio_blocks, in_windows, resample
from compa.models.clap import CLAP

Audio = Path | str | tuple[NDArray[np.float32], int]

WEIGHTS = "model.safetensors"
DESCRIPTION = "model.json"
WINDOW_SECONDS = 10.0
"""Longer clips are embedded window by window. A clip's embedding is the mean of its windows', made unit length again.
The mean is weighted by the windows' lengths, so that a short rest at the end counts for little."""


class Embedder:
    """A trained CLAP that embeds files, waveforms and texts, deterministically and without gradients.

    Args:
        clap: The model.
        device: Where to run it; by default a GPU where there is one.
        batch_size: Windows or texts embedded at a time.
    """

    def __init__(self, clap: CLAP, device: str | torch.device | None = None, batch_size: int = 32) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.clap = clap.eval().to(self.device)
        self.batch_size = batch_size

    @torch.inference_mode()
    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        """Embeds clips of any length; of a file no more is in memory than the windows that are embedded together.

        Args:
            audio: Paths, or pairs of a mono waveform (samples,) and its rate in Hz.

        Returns:
            (n, D) float32 unit rows.

        Raises:
            ValueError: If a file cannot be decoded, or a waveform is not one-dimensional, empty or not finite.
        """
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
        """Embeds texts as (n, D) float32 unit rows."""
        parts = [self.clap.embed_text(chunk).cpu().numpy() for _, chunk in _batches(enumerate(texts), self.batch_size)]
        return np.concatenate([np.zeros((0, self.clap.embedding_size), dtype=np.float32), *parts])

    def similarity(self, audio: Sequence[Audio], texts: Sequence[str]) -> NDArray[np.float32]:
        """Cosine similarities (clips, texts): higher is a better match."""
        return self.embed_audio(audio) @ self.embed_text(texts).T

    def _windows(self, audio: Sequence[Audio]) -> Iterator[tuple[int, NDArray[np.float32]]]:
        size = round(WINDOW_SECONDS * self.clap.sample_rate)
        for row, clip in enumerate(audio):
            for window in in_windows(_blocks(clip, self.clap.sample_rate), size):
                yield row, window


def load(model: str | Path, device: str | torch.device | None = None) -> Embedder:
    """Loads a run folder or a checkpoint file; never runs code that a file brings along.

    Args:
        model: A folder with `model.safetensors` and `model.json` or with `checkpoints/last.ckpt`, or a `.ckpt` file.
        device: Where to run the model; by default a GPU where there is one.

    Raises:
        ValueError: If there is no such model, or the file is damaged.
    """
    path = Path(model)
    last = path / "checkpoints" / "last.ckpt"
    if (path / WEIGHTS).is_file() and (path / DESCRIPTION).is_file():
        description, weights = _read_saved(path)
    elif last.is_file() or path.is_file():
        description, weights = _read_checkpoint(last if last.is_file() else path)
    else:
        raise ValueError(
            f"{path} is no model: expected a run folder (with {WEIGHTS} or checkpoints/last.ckpt) or a .ckpt file"
        )
    try:
        clap = CLAP.from_description(description)
        clap.load_state_dict(weights)
    except (KeyError, TypeError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path} was written by another version of compa or is damaged ({reason})") from None
    return Embedder(clap, device)


def save(clap: CLAP, folder: Path) -> None:
    """Writes a model's weights and description into a run folder."""
    weights = {name: value.detach().cpu().contiguous() for name, value in clap.state_dict().items()}
    save_file(weights, folder / WEIGHTS)
    description = json.dumps(clap.describe(), indent=1, ensure_ascii=False)
    (folder / DESCRIPTION).write_text(description + "\n", encoding="utf-8")


def _read_saved(folder: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        return json.loads((folder / DESCRIPTION).read_text(encoding="utf-8")), load_file(folder / WEIGHTS)
    except (ValueError, SafetensorError) as error:
        raise ValueError(f"{folder} holds a damaged {DESCRIPTION} or {WEIGHTS} ({error})") from None


def _read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    try:
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
        description, state = checkpoint["clap"], checkpoint["state_dict"]
    except Exception as error:  # whatever a damaged or foreign file makes of torch.load
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ValueError(f"{path} is no checkpoint of compa ({reason})") from None
    prefix = "clap."
    return description, {name[len(prefix) :]: value for name, value in state.items() if name.startswith(prefix)}


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


def _batches(items: Iterator[tuple[int, Any]] | enumerate[Any], size: int) -> Iterator[tuple[list[int], list[Any]]]:
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
