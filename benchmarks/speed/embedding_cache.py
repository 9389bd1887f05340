"""Times scoring with an empty and with a full embedding cache: `python -m benchmarks.speed.embedding_cache`.

The model is a stub that takes no time, so that reading, hashing, decoding, resampling, the cache and the arithmetic
remain. The sounds are noise. The best round counts.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from benchmarks.items import Audio, Group
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.embedding_cache import EmbeddingCache
from benchmarks.speed.features import colored_noise
from benchmarks.speed.output import machine, measuring_parser, print_tables
from compa.audio.decode import read_audio
from compa.utils.arguments import positive_int
from compa.utils.parallel import num_processors

FILE_RATE = 44100
DIMENSIONS = 512


class Stub:
    """An embedder that takes no time and counts its inputs.

    Args:
        sample_rate: Rate in Hz that files are decoded to.
    """

    fingerprint = "stub"

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.num_embedded = 0
        self._rows = np.random.default_rng(0).normal(size=(4096, DIMENSIONS)).astype(np.float32)

    def embed_audio(self, audio: Sequence[Audio]) -> ArrayLike:
        """Gives random rows."""
        return self._embed(len(audio))

    def embed_text(self, texts: Sequence[str]) -> ArrayLike:
        """Gives random rows."""
        return self._embed(len(texts))

    def _embed(self, number: int) -> NDArray[np.float32]:
        rows = (self.num_embedded + np.arange(number)) % len(self._rows)
        self.num_embedded += number
        return self._rows[rows]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = measuring_parser("embedding_cache", __doc__)
    parser.add_argument("--files", metavar="N", type=positive_int, default=400, help="FLAC files of 10 s to decode")
    parser.add_argument("--items", metavar="N", type=positive_int, default=10_000, help="pairs to score")
    parser.add_argument("--rounds", metavar="N", type=positive_int, default=3, help="rounds of each measurement")
    options = parser.parse_args(arguments)
    print_tables(_lines(options.files, options.items, options.rounds), options.out)


def _lines(num_files: int, num_items: int, rounds: int) -> Iterator[str]:
    yield f"{machine()}, {num_processors()} usable, best of {rounds} rounds"
    with tempfile.TemporaryDirectory() as folder:
        yield from cold_run(Path(folder), num_files, rounds)
    with tempfile.TemporaryDirectory() as folder:
        yield warm_run(Path(folder), num_items, rounds)


def cold_run(folder: Path, num_files: int, rounds: int) -> Iterator[str]:
    """Times a run without a cache, beside decoding and resampling alone."""
    noise = colored_noise(FILE_RATE)
    paths = [folder / f"{number}.flac" for number in range(num_files)]
    for number, path in enumerate(paths):
        soundfile.write(path, np.roll(noise, 100 * number), FILE_RATE)
    for rate in (16_000, 48_000):
        alone, cold = [], []
        for _ in range(rounds):
            alone.append(_times(lambda rate=rate: [read_audio(path, rate) for path in paths]))  # type: ignore[misc]
            cold.append(_times(lambda rate=rate: EmbeddingScorer(Stub(rate)).score([(paths, ["x"])])))  # type: ignore[misc]
        wall, processor = (min(times) for times in zip(*cold, strict=True))
        needed = min(processor for _, processor in alone)
        yield (
            f"cold run, {num_files} FLAC files of 10 s, 44.1 to {rate / 1000:g} kHz: {wall:.2f} s of wall time, "
            f"{wall * num_processors() / needed:.2f} x that of decoding and resampling alone, spread over all "
            f"processors, and {processor:.2f} s of processor time, {processor / needed:.2f} x"
        )


def warm_run(folder: Path, num_items: int, rounds: int) -> str:
    """Times a second run of pair items, beside a loop over the pairs with all embeddings in memory."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.wav" for number in range(2 * num_items)]
    for path in paths:
        soundfile.write(path, rng.normal(scale=0.1, size=1600).astype(np.float32), 16_000)
        os.utime(path, (0, 0))  # the cache does not trust the times of files that have just changed
    groups: list[Group] = [
        (paths[2 * number : 2 * number + 2], (f"{number}: a, then b", f"{number}: b, then a"))
        for number in range(num_items)
    ]
    cold, _ = _times(lambda: EmbeddingScorer(Stub(16_000), cache=EmbeddingCache(folder)).score(groups))
    warm, loop, forwards = [], [], 0
    for _ in range(rounds):
        stub = Stub(16_000)
        scorer = EmbeddingScorer(stub, cache=EmbeddingCache(folder))
        warm.append(_times(lambda scorer=scorer: scorer.score(groups)))  # type: ignore[misc]
        forwards += stub.num_embedded
        loop.append(_times(lambda: _cosines(num_items))[0])
    wall, processor = (min(times) for times in zip(*warm, strict=True))
    return (
        f"{num_items:,} pairs of files: first run {cold:.2f} s, second {wall:.2f} s, {processor:.2f} s of processor "
        f"time, with {forwards} forward passes; a loop over {4 * num_items:,} scores, embeddings in memory, "
        f"{min(loop):.2f} s"
    )


def _cosines(num_items: int) -> list[float]:
    """Cosines one by one, normalized at each comparison."""
    rows = np.random.default_rng(0).normal(size=(4096, DIMENSIONS)).astype(np.float32)
    scores = []
    for number in range(num_items):
        for audio in (2 * number, 2 * number + 1):
            for text in (2 * number, 2 * number + 1):
                one, other = rows[audio % 4096], rows[-text % 4096]
                scores.append(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))
    return scores


def _times(function: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and processor time of all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
