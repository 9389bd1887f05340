"""What a scorer is asked: groups of audios and texts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Audio: TypeAlias = Path | tuple[NDArray[np.float32], int]
"""A file, or a mono waveform with its sample rate."""
Group: TypeAlias = tuple[Sequence[Audio], Sequence[str]]
"""Audios and texts of which every pair is to be scored."""
Scores: TypeAlias = NDArray[np.float64]
Name: TypeAlias = str | tuple[int, int]
"""What `same` calls an audio."""


def same(audio: Audio) -> Name:
    """Equal for one file, and for one waveform in memory at one rate, however often it is asked for.

    Example:
        >>> same(Path("a.wav")) == same(Path("a.wav"))
        True
    """
    return str(audio) if isinstance(audio, Path) else (id(audio[0]), audio[1])
