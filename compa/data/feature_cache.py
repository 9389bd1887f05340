"""Log-mel features on the disk, so that a clip's sound is decoded and analysed once, not once an epoch."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from compa.audio.features import AudioConfig, LogMel, int16_round_trip
from compa.utils.files import whole_file

Waveform = NDArray[np.float32]


class FeatureCache:
    """A folder of features, by the content of sound files and by the settings of the features.

    Any number of processes may share it. Features are rounded to float16, whether they were stored already or not, so
    that what the folder holds does not change what a model sees. It grows with the corpus: 10 s take 128 KB with the
    small model's features.

    Args:
        folder: Created where it is missing.
        config: How the features are computed.
    """

    def __init__(self, folder: str | Path, config: AudioConfig) -> None:
        self.config = config
        settings = hashlib.sha256(repr(sorted(asdict(config).items())).encode()).hexdigest()
        self.folder = Path(folder) / settings[:16]
        self._is_full = False

    @cached_property
    def _log_mel(self) -> LogMel:
        return LogMel(self.config)

    def find(self, sound: bytes, decode: Callable[[], Waveform]) -> NDArray[np.float16]:
        """The features of a whole sound.

        Args:
            sound: The content of its file.
            decode: Returns its waveform (samples,); called where features are not there yet.

        Returns:
            (frames, mels).
        """
        digest = hashlib.sha256(sound).hexdigest()
        path = self.folder / digest[:2] / f"{digest}.npy"
        try:
            stored: NDArray[np.float16] = np.load(path)
            return stored
        except (OSError, ValueError, EOFError):  # not there, or cut off by a full disk or a crash
            features = self.compute(decode())
            self._keep(path, features)
            return features

    def compute(self, waveform: Waveform) -> NDArray[np.float16]:
        """The features (frames, mels) of a waveform (samples,), which are not stored."""
        samples = torch.from_numpy(waveform)[None]
        if self.config.int16:
            samples = int16_round_trip(samples)
        with torch.no_grad():
            features, _ = self._log_mel(samples, torch.tensor([len(waveform)]))
        rounded: NDArray[np.float16] = features[0].numpy().astype(np.float16)
        return rounded

    def _keep(self, path: Path, features: NDArray[np.float16]) -> None:
        """Writes without waiting for the disk: what a power cut damages is computed again."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole_file(path, sync=False) as file:
                np.save(file, features)
        except OSError as error:
            if not self._is_full:
                self._is_full = True
                warnings.warn(f"{self.folder} keeps no further features ({error.strerror})", stacklevel=2)
