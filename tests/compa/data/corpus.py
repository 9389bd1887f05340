"""Small manifests with sound files, for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

from compa.manifest import Clip, Negative, Positive, write_manifest

RATE = 8000


def write_corpus(folder: Path, num_clips: int, *, twins: bool = False, seconds: float = 0.2) -> Path:
    """A manifest of tones whose pitch tells the clip; with `twins`, clips 2n and 2n + 1 are each other's."""
    folder.mkdir(parents=True, exist_ok=True)
    time = np.arange(round(seconds * RATE)) / RATE
    clips = []
    for number in range(num_clips):
        soundfile.write(folder / f"{number}.wav", 0.5 * np.sin(2 * np.pi * (200 + number) * time), RATE)
        clips.append(
            Clip(
                id=f"clip-{number}",
                audio=f"{number}.wav",
                captions=(f"tone {number}", f"a tone of number {number}"),
                negatives=tuple(Negative(f"no tone {number}, {way}", "replacement") for way in "ab"),
                positives=(Positive(f"something like tone {number}", "paraphrase"),),
                twin=f"clip-{number ^ 1}" if twins else None,
            )
        )
    write_manifest(folder / "manifest.jsonl", clips)
    return folder / "manifest.jsonl"
