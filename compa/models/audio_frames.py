"""Frames of all layers of an audio encoder, for probes and other readers of single layers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray

from compa.models.audio_windows import Audio, window_batches
from compa.models.checkpoints.fingerprint import fingerprint
from compa.models.encoders.audio import AudioEncoder

VERSION = 1
"""Rises whenever the same weights and settings give other frames for the same audio than before."""


class AudioFrames:
    """An audio encoder that reads files and waveforms and returns the frames of all of its layers.

    Clips longer than the encoder's window are encoded window by window. Frames are deterministic, and the same whether
    a clip is alone or in a batch. Silence stays where it is, so that frame i is about the time from i x `frame_seconds`
    on; CLAP itself may cut silence at both ends off first.

    Args:
        encoder: The encoder, such as that of `compa.load(MODEL).clap`.
        device: Where to run it; by default a GPU if there is one.
        batch_size: Windows encoded at a time.
    """

    def __init__(self, encoder: AudioEncoder, device: str | torch.device | None = None, batch_size: int = 32) -> None:
        self.device = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.encoder = encoder.eval().to(self.device)
        self.front_end = encoder.front_end().to(self.device)
        self.batch_size = batch_size
        self.num_layers = encoder.num_layers
        self.frame_seconds = encoder.frame_seconds
        self.sample_rate = encoder.config.sample_rate

    @cached_property
    def fingerprint(self) -> str:
        """A hash of everything that determines the frames: weights and settings."""
        settings = [VERSION, type(self.encoder).__name__, self.encoder.init_args, asdict(self.encoder.config)]
        return fingerprint(self.encoder, settings)

    @torch.inference_mode()
    def frames(self, audio: Sequence[Audio]) -> list[NDArray[np.float32]]:
        """Encodes clips of any length.

        Args:
            audio: Paths, or pairs of a mono waveform (samples,) and its rate in Hz.

        Returns:
            (layers, T', D) float32 for each clip; T' is the clip's own, without padding.

        Raises:
            ValueError: If a file cannot be decoded, or a waveform is not one-dimensional, empty or not finite.
        """
        parts: list[list[NDArray[np.float32]]] = [[] for _ in audio]
        for rows, waveforms, lengths in window_batches(
            audio, self.sample_rate, self.encoder.window_seconds, self.batch_size
        ):
            filled = self.encoder.prepare(waveforms.to(self.device), lengths.to(self.device))
            found = self.encoder(*self.front_end(*filled), all_layers=True)
            layers = torch.stack(found.layers, dim=1).float().cpu().numpy()
            for row, frames, mask, length in zip(rows, layers, found.mask.cpu().numpy(), lengths.tolist(), strict=True):
                num_frames = math.ceil(length / self.sample_rate / self.frame_seconds)  # of what was not filled up
                parts[row].append(frames[:, mask][:, : max(num_frames, 1)])
        return [np.concatenate(windows, axis=1) for windows in parts]
