"""From a sound file to a mono waveform at the asked sample rate."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3")
"""Names of sound files end so, in any case of letters."""


def read_audio(path: str | Path, sample_rate: int) -> NDArray[np.float32]:
    """Decodes a sound file, averages its channels and resamples it.

    Args:
        path: A wav, flac, ogg, opus or mp3 file of any rate and number of channels.
        sample_rate: The rate that is wanted, in Hz.

    Returns:
        The waveform, float32 of shape (samples,); full scale is 1.

    Raises:
        ValueError: If the file is missing, cannot be decoded, or holds no samples, NaN or infinite ones.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path} is no file: give the path of a {_listed(SUFFIXES)} file")
    try:
        channels, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = getattr(error, "error_string", None) or str(error)
        raise ValueError(f"{path} cannot be decoded as sound (libsndfile: {reason.rstrip('.')})") from error
    if len(channels) == 0:
        raise ValueError(f"{path} holds no samples")
    waveform = to_mono(channels)
    if not np.isfinite(waveform).all():
        raise ValueError(f"{path} holds NaN or infinite samples")
    return resample(waveform, own_rate, sample_rate)


def to_mono(channels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Averages the channels of a waveform of shape (samples, channels), however many there are."""
    if channels.ndim != 2:
        raise ValueError(f"a waveform of shape {channels.shape} is not (samples, channels)")
    return channels[:, 0] if channels.shape[1] == 1 else channels.mean(axis=1, dtype=np.float32)


def resample(waveform: NDArray[np.float32], own_rate: int, sample_rate: int) -> NDArray[np.float32]:
    """Brings a mono waveform of shape (samples,) from its own rate to another one, both in Hz."""
    if own_rate <= 0 or sample_rate <= 0:
        raise ValueError(f"sample rates are positive numbers of Hz, not {own_rate} and {sample_rate}")
    if own_rate == sample_rate:
        return np.ascontiguousarray(waveform, dtype=np.float32)
    return np.asarray(soxr.resample(waveform, own_rate, sample_rate), dtype=np.float32)


def _listed(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:-1])} or {names[-1]}"
