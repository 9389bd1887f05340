"""Times the way of audio to a model, and scoring with what is kept: `python -m benchmarks.speed.embedding_cache`.

The model is a stub that takes no time, so that what is left is ours: reading, hashing, decoding, resampling, the cache
and the arithmetic. Sounds are made up. Everything is measured in turns in one run; the best of the rounds counts.
"""

from __future__ import annotations

import argparse
import platform
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from benchmarks.items import Audio, Group
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.embedding_cache import EmbeddingCache
from benchmarks.speed.features import coloured_noise
from compa.audio.decode import read_audio
from compa.utils.parallel import num_processors

FILE_RATE = 44100
DIMENSIONS = 512


class Stub:
    """Embeds in no time, and counts.

    Args:
        sample_rate: Hz that files are decoded to.
    """

    fingerprint = "stub"

    def __init__(self, sample_rate: int) -> None:
        self.sample_rate = sample_rate
        self.num_embedded = 0
        self._rows = np.random.default_rng(0).normal(size=(4096, DIMENSIONS)).astype(np.float32)

    def embed_audio(self, audio: Sequence[Audio]) -> ArrayLike:
        """Rows that mean nothing."""
        return self._embed(len(audio))

    def embed_text(self, texts: Sequence[str]) -> ArrayLike:
        """Rows that mean nothing."""
        return self._embed(len(texts))

    def _embed(self, number: int) -> NDArray[np.float32]:
        places = (self.num_embedded + np.arange(number)) % len(self._rows)
        self.num_embedded += number
        return self._rows[places]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, default=400, help="FLAC files of 10 s to decode; default: %(default)s")
    parser.add_argument("--items", type=int, default=10_000, help="pairs to score; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    options = parser.parse_args(arguments)
    print(f"{platform.machine()}, {num_processors()} processors, best of {options.rounds} rounds")
    with tempfile.TemporaryDirectory() as folder:
        cold_run(Path(folder), options.files, options.rounds)
    with tempfile.TemporaryDirectory() as folder:
        warm_run(Path(folder), options.items, options.rounds)


def cold_run(folder: Path, num_files: int, rounds: int) -> None:
    """A first run with nothing kept, beside decoding and resampling alone."""
    noise = coloured_noise(FILE_RATE)
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
        print(
            f"cold run, {num_files} FLAC files of 10 s, 44.1 to {rate / 1000:g} kHz: {wall:.2f} s of wall time, "
            f"{wall * num_processors() / needed:.2f} x what decoding and resampling alone take of each processor, and "
            f"{processor:.2f} s of processor time, {processor / needed:.2f} x theirs"
        )


def warm_run(folder: Path, num_items: int, rounds: int) -> None:
    """A second run of pair items, beside a loop over pairs that has all embeddings at hand."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{number}.wav" for number in range(2 * num_items)]
    for path in paths:
        soundfile.write(path, rng.normal(scale=0.1, size=160).astype(np.float32), 16_000)
    time.sleep(3)  # files that changed just now are read again
    groups: list[Group] = [
        (paths[2 * number : 2 * number + 2], (f"{number}: a, then b", f"{number}: b, then a"))
        for number in range(num_items)
    ]
    cold = _wall(lambda: EmbeddingScorer(Stub(16_000), cache=EmbeddingCache(folder)).score(groups))
    warm, loop, forwards = [], [], 0
    for _ in range(rounds):
        stub = Stub(16_000)
        scorer = EmbeddingScorer(stub, cache=EmbeddingCache(folder))
        warm.append(_times(lambda scorer=scorer: scorer.score(groups)))  # type: ignore[misc]
        forwards += stub.num_embedded
        loop.append(_wall(lambda: _loop(num_items)))
    wall, processor = (min(times) for times in zip(*warm, strict=True))
    print(
        f"{num_items:,} pairs of files: first run {cold:.2f} s, second {wall:.2f} s, {processor:.2f} s of processor "
        f"time, with {forwards} forwards; a loop over {4 * num_items:,} scores, embeddings at hand, {min(loop):.2f} s"
    )


def _loop(num_items: int) -> list[float]:
    """Cosines one by one, as code does that normalises where it compares."""
    rows = np.random.default_rng(0).normal(size=(4096, DIMENSIONS)).astype(np.float32)
    scores = []
    for number in range(num_items):
        for audio in (2 * number, 2 * number + 1):
            for text in (2 * number, 2 * number + 1):
                one, other = rows[audio % 4096], rows[-text % 4096]
                scores.append(float(one @ other / np.linalg.norm(one) / np.linalg.norm(other)))
    return scores


def _wall(work: Callable[[], object]) -> float:
    return _times(work)[0]


def _times(work: Callable[[], object]) -> tuple[float, float]:
    """Wall time, and processor time of all threads."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor


if __name__ == "__main__":
    main()
