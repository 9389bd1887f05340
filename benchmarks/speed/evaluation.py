"""Times the evaluator: `python -m benchmarks.speed.evaluation`.

1. Pairs: what 10,000 items take from scores to metrics, beside a loop over the items as evaluation scripts have it; in
   turns in one process, and what both find is compared first.
2. Zero-shot: how many texts go through the encoder, beside embedding all prompts anew for every batch of 32 clips.
3. Cold run: how long files of 10 s take with an encoder that does nothing, beside the processor time that decoding and
   resampling them takes, shared among the cores.
"""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.items import Audio
from benchmarks.metrics.pairs import METRICS, outcomes
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.speed.objectives import take_turns
from benchmarks.speed.output import tell
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs
from compa.audio.decode import read_audio

NUM_PAIRS = 10_000
DIMENSIONS = 512
NUM_CLIPS, NUM_LABELS, BATCH = 2000, 50, 32
NUM_FILES, SECONDS, FILE_RATE, MODEL_RATE = 64, 10, 44_100, 16_000
PARTS = ("pairs", "zero-shot", "cold")

Floats = NDArray[np.float64]


class Stub:
    """Embeds at once: what is timed is all else. Counts texts."""

    sample_rate = MODEL_RATE

    def __init__(self) -> None:
        self.num_texts = 0

    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        """A row for each; files are read as a model would."""
        waveforms = [read_audio(one, MODEL_RATE) if isinstance(one, Path) else one[0] for one in audio]
        return np.stack([np.resize(waveform[:DIMENSIONS], DIMENSIONS) for waveform in waveforms])

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """A row for each."""
        self.num_texts += len(texts)
        return np.stack([np.full(DIMENSIONS, len(text), np.float32) for text in texts])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables; `--out` writes them to a file, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone; can be repeated")
    parser.add_argument("--seconds", type=float, default=20, help="for the table of pairs; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=5, help="of the cold run; default: %(default)s")
    parser.add_argument("--out", type=Path, help="file for the tables, in Markdown")
    options = parser.parse_args(arguments)
    tell(_report(options), options.out)


def _report(options: argparse.Namespace) -> Iterator[str]:
    parts = options.only or PARTS
    yield f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before"
    if "pairs" in parts:
        yield from _pairs(options.seconds)
    if "zero-shot" in parts:
        ours, anew = text_forwards()
        yield f"\nZero-shot, {NUM_CLIPS:,} clips, {NUM_LABELS} prompts\n"
        yield f"{ours} texts embedded; anew for every batch of {BATCH}: {anew:,}; {anew / ours:.0f} times as many"
    if "cold" in parts:
        yield from _cold(options.rounds)


def _pairs(seconds: float) -> Iterator[str]:
    scores = random_pairs(NUM_PAIRS)
    assert looped(scores) == {name: float(won.mean()) for name, won in outcomes(scores).items()}, "they disagree"
    times = take_turns({"at once": lambda: outcomes(scores), "loop": lambda: looped(scores)}, seconds)
    at_once, loop = times["at once"], times["loop"]
    ratio = statistics.median(slow / fast for fast, slow in zip(at_once.rounds, loop.rounds, strict=True))
    yield f"\n{NUM_PAIRS:,} pairs, from scores to text, audio, group and ties\n"
    yield "| | best, ms | to this, median of rounds |"
    yield "| --- | ---: | ---: |"
    yield f"| all items at once | {at_once.best * 1e3:.2f} | 1 |"
    yield f"| a loop over items | {loop.best * 1e3:.2f} | {ratio:.0f} |"


def random_pairs(num_pairs: int) -> Floats:
    """Scores (pairs, 2, 2), the true ones higher more often than not, some of them tied."""
    rng = np.random.default_rng(0)
    return np.asarray(np.round(rng.normal(size=(num_pairs, 2, 2)), 2) + np.eye(2))


def looped(scores: Floats) -> dict[str, float]:
    """What `outcomes` finds, on average, by a loop over items as evaluation scripts have it."""
    won = dict.fromkeys(METRICS, 0)
    for matrix in scores:
        first, second, others = matrix[0, 0], matrix[1, 1], (matrix[0, 1], matrix[1, 0])
        text = first > matrix[0, 1] and second > matrix[1, 0]
        audio = first > matrix[1, 0] and second > matrix[0, 1]
        won["text"] += bool(text)
        won["audio"] += bool(audio)
        won["group"] += bool(text and audio)
        won["ties"] += bool(first in others or second in others)
    return {name: count / len(scores) for name, count in won.items()}


def text_forwards(num_clips: int = NUM_CLIPS) -> tuple[int, int]:
    """Texts that the task puts to an encoder, and those of a loop that embeds the prompts with every batch."""
    task = find_task("zero-shot")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(num_clips):
            label = Path(folder, f"label {number % NUM_LABELS}")
            label.mkdir(exist_ok=True)
            soundfile.write(label / f"{number}.wav", np.full(DIMENSIONS, number / num_clips), MODEL_RATE)
        stub = Stub()
        task.run(EmbeddingScorer(stub), "stub", task.prepare(TaskInputs(data=Path(folder))), seed=0)
    return stub.num_texts, NUM_LABELS * math.ceil(num_clips / BATCH)


def _cold(rounds: int) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        files = write_files(Path(folder), NUM_FILES)
        ratios = [cold_run(files) for _ in range(rounds)]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    yield f"\nCold run, {NUM_FILES} FLAC files of {SECONDS} s at {FILE_RATE} Hz, {cores} cores\n"
    yield "| | seconds, median of rounds |"
    yield "| --- | ---: |"
    yield f"| decoding and resampling, processor time | {statistics.median(cpu for cpu, _ in ratios):.3f} |"
    yield f"| the whole run, wall time | {statistics.median(wall for _, wall in ratios):.3f} |"
    shares = [wall / (cpu / cores) for cpu, wall in ratios]
    yield f"\nWall time to processor time by cores: {statistics.median(shares):.2f} (least {min(shares):.2f})"


def write_files(folder: Path, number: int) -> list[Path]:
    """Noise that FLAC can compress a little."""
    rng = np.random.default_rng(0)
    paths = [folder / f"{index}.flac" for index in range(number)]
    for path in paths:
        noise = np.convolve(rng.normal(scale=0.05, size=SECONDS * FILE_RATE), np.hanning(8) / 4, mode="same")
        soundfile.write(path, noise, FILE_RATE)
    return paths


def cold_run(files: Sequence[Path]) -> tuple[float, float]:
    """Processor time of decoding and resampling the files, and wall time of scoring them with a stub."""
    begin = time.process_time()
    for file in files:
        read_audio(file, MODEL_RATE)
    cpu = time.process_time() - begin
    groups = [(files[first : first + 2], (f"text {first}", f"text {first + 1}")) for first in range(0, len(files), 2)]
    started = time.perf_counter()
    EmbeddingScorer(Stub()).score(groups)
    return cpu, time.perf_counter() - started


if __name__ == "__main__":
    main()
