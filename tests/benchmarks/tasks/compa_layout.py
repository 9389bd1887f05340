"""The layout of the CompA archives with tiny sounds, and a scorer that hears which tone comes first."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.items import Audio, Group, Scores

RATE = 8000
ORDER_COLUMNS = ("pair_caption", "reversed_pair_caption", "triplet_caption", "pair_file", "reversed_pair_file",
                 "triplet_file")  # fmt: skip
ATTRIBUTE_COLUMNS = ("pair_caption", "reversed_pair_caption", "pair_file", "reversed_pair_file", "pair_file.1",
                     "reversed_pair_file.1")  # fmt: skip


def tones(number: int) -> tuple[int, int]:
    return 200 + 40 * (number % 37), 2000 + 40 * (number % 29)


def captions(number: int) -> tuple[str, str, str]:
    low, high = tones(number)
    return f"{low} hertz, then {high} hertz", f"{high} hertz, then {low} hertz", f"{low} hertz with {high} hertz"


def sounds(number: int) -> list[NDArray[np.float32]]:
    """Low then high, high then low, both at once."""
    time = np.arange(RATE // 20) / RATE
    low, high = (0.3 * np.sin(2 * np.pi * hz * time + number).astype(np.float32) for hz in tones(number))
    return [np.concatenate(parts) for parts in ((low, high), (high, low), (low + high, low + high))]


def sides(number: int, is_triplet: bool) -> Iterator[tuple[str, str, bytes]]:
    """Name, caption and content of every sound of an item."""
    suffixes = ("", "_rev", "_trip")[: 2 + is_triplet]
    for suffix, caption, sound in zip(suffixes, captions(number), sounds(number), strict=False):
        buffer = io.BytesIO()
        soundfile.write(buffer, sound, RATE, format="WAV")
        yield f"{number}{suffix}.wav", caption, buffer.getvalue()


def write_order(root: Path, num: int = 12, num_triplets: int = 3) -> Path:
    """`CompA_order_benchmark.csv` beside `CompA_order_files/`; the last items are triplets."""
    rows = []
    for number in range(1, num + 1):
        is_triplet = number > num - num_triplets
        written = write_sounds(root / "CompA_order_files", number, is_triplet)
        first, second, third = captions(number)
        rows.append([first, second, third if is_triplet else "-", *written, *([] if is_triplet else ["-"])])
    write_table(root / "CompA_order_benchmark.csv", ORDER_COLUMNS, rows)
    return root


def write_attribute(root: Path, num: int = 8, columns: Sequence[str] = ATTRIBUTE_COLUMNS) -> Path:
    """`CompA Attribute/Compa-Attribute.csv` beside `CompA_attribute_files/`; plain columns hold YouTube ids."""
    folder = root / "CompA Attribute"
    rows = []
    for number in range(1, num + 1):
        files = write_sounds(folder / "CompA_attribute_files", number, False)
        rows.append([*captions(number)[:2], f"{number:011d}", f"rev{number:08d}", *files])
    write_table(folder / "Compa-Attribute.csv", columns, rows)
    return root


def write_sounds(folder: Path, number: int, is_triplet: bool) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    names = []
    for name, _, content in sides(number, is_triplet):
        (folder / name).write_bytes(content)
        names.append(name)
    return names


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])
    return path


class Listener:
    """Compares the strongest frequency of both halves with what the caption says."""

    def __init__(self, deaf_to: frozenset[int] = frozenset()) -> None:
        self.deaf_to = deaf_to

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        return [
            np.array([[fits(heard, text) for text in texts] for heard in map(self._heard, audios)])
            for audios, texts in groups
        ]

    def _heard(self, audio: Audio) -> list[set[int]]:
        assert isinstance(audio, Path)
        if int(audio.stem.split("_")[0]) in self.deaf_to:
            return []
        waveform, rate = soundfile.read(audio)
        return [set(strongest(half, rate)) for half in np.split(waveform, 2)]


def fits(halves: list[set[int]], text: str) -> float:
    """Whether the frequencies of both halves are those that the caption says."""
    low, high = (int(word) for word in text.split() if word.isdigit())
    return float(halves == ([{low, high}] * 2 if "with" in text else [{low}, {high}]))


def strongest(waveform: NDArray[np.float64], rate: int) -> list[int]:
    """The frequencies that are nearly as strong as the strongest one, in Hz."""
    power = np.abs(np.fft.rfft(waveform * np.hanning(len(waveform))))
    peaks = [
        k for k in range(1, len(power) - 1) if power[k] > 0.5 * power.max() and power[k] == max(power[k - 1 : k + 2])
    ]
    return [round(k * rate / len(waveform)) for k in peaks]
