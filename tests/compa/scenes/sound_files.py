"""Small sound files for the tests of event banks."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

SHARED = Path(__file__).parents[4] / "shared/audio"
ESC10, SPOKEN_DIGITS = SHARED / "esc10", SHARED / "fsdd"


def beep(seconds: float = 0.5, hz: float = 440.0, rate: int = 16000, level: float = 0.5) -> NDArray[np.float32]:
    return (level * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


def write(path: Path, waveform: NDArray[np.float32] | None = None, rate: int = 16000) -> Path:
    """Writes a sound file; without a waveform a beep that depends on the path, so that contents differ."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if waveform is None:
        waveform = beep(hz=300 + sum(map(ord, str(path))) % 1000 + len(str(path)))
        waveform = waveform + np.random.default_rng(abs(hash_of(path))).normal(0, 0.01, len(waveform)).astype("f4")
    soundfile.write(path, waveform, rate)
    return path


def hash_of(path: Path) -> int:
    return int.from_bytes("/".join(path.parts[-2:]).encode()[-8:], "big")


def write_labels(root: Path, labels: tuple[str, ...] = ("dog", "cat", "owl"), num: int = 4) -> Path:
    """A folder a label with `num` different sounds each."""
    for label in labels:
        for index in range(num):
            write(root / label / f"{label}-{index}.wav")
    return root


def write_speakers(path: Path, folder: Path = SPOKEN_DIGITS) -> Path:
    """A CSV of the spoken digits: who says what; the first five takes of each are for testing."""
    rows = ["file,label,speaker,split"]
    words = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    for file in sorted(folder.glob("*.wav")):
        digit, speaker, take = file.stem.split("_")
        rows.append(f"{file},{words[int(digit)]},{speaker},{'test' if int(take) < 5 else 'train'}")
    return write_csv(path, "\n".join(rows))


def write_csv(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path
