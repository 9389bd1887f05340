"""Times the evaluation: `python -m benchmarks.speed.evaluation`.

Pairs: computing the metrics of 10,000 items from their scores, beside a loop over the items as in typical evaluation
scripts. Zero-shot: the number of texts that are embedded, beside embedding all prompts with every batch of 32 clips.
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.items import Audio
from benchmarks.metrics.pairs import METRICS, outcomes
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.speed.output import machine, measuring_parser, print_tables
from benchmarks.speed.timing import time_in_turns
from benchmarks.tasks import find_task
from benchmarks.tasks.task import TaskInputs

NUM_PAIRS = 10_000
DIMENSIONS = 512
NUM_CLIPS, NUM_LABELS, BATCH, RATE = 2000, 50, 32, 16_000
PARTS = ("pairs", "zero-shot")

Floats = NDArray[np.float64]


class CountingEmbedder:
    """An embedder that takes no time and counts texts."""

    def __init__(self) -> None:
        self.num_texts = 0

    def embed_audio(self, audio: Sequence[Audio]) -> NDArray[np.float32]:
        """Gives a constant row for each audio."""
        return np.ones((len(audio), DIMENSIONS), np.float32)

    def embed_text(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Gives a row for each text."""
        self.num_texts += len(texts)
        return np.stack([np.full(DIMENSIONS, len(text), np.float32) for text in texts])


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    options = measuring_parser("evaluation", __doc__, PARTS, seconds=20).parse_args(arguments)
    print_tables(_tables(options.only or PARTS, options.seconds), options.out)


def _tables(parts: Sequence[str], seconds: float) -> Iterator[str]:
    yield machine()
    if "pairs" in parts:
        yield from _pairs(seconds)
    if "zero-shot" in parts:
        once, repeated = embedded_texts()
        yield f"\nZero-shot, {NUM_CLIPS:,} clips, {NUM_LABELS} prompts\n"
        yield f"{once} texts embedded; with every batch of {BATCH}: {repeated:,}, {repeated / once:.0f} times as many"


def _pairs(seconds: float) -> Iterator[str]:
    scores = random_pairs(NUM_PAIRS)
    assert outcomes_by_loop(scores) == {name: float(won.mean()) for name, won in outcomes(scores).items()}
    times = time_in_turns({"arrays": lambda: outcomes(scores), "loop": lambda: outcomes_by_loop(scores)}, seconds)
    yield f"\n{NUM_PAIRS:,} pairs, from scores to text, audio, group and ties\n"
    yield "| | best, ms | to all at once, median of rounds |"
    yield "| --- | ---: | ---: |"
    yield f"| all items at once | {times['arrays'].best * 1e3:.2f} | 1 |"
    yield f"| a loop over items | {times['loop'].best * 1e3:.2f} | {times['loop'].ratio_to(times['arrays']):.0f} |"


def random_pairs(num_pairs: int) -> Floats:
    """Scores (pairs, 2, 2): the true ones are higher more often than not, and some are tied."""
    rng = np.random.default_rng(0)
    return np.asarray(np.round(rng.normal(size=(num_pairs, 2, 2)), 2) + np.eye(2))


def outcomes_by_loop(scores: Floats) -> dict[str, float]:
    """The means of `outcomes`, computed by a loop over items as in typical evaluation scripts."""
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


def embedded_texts(num_clips: int = NUM_CLIPS) -> tuple[int, int]:
    """Numbers of texts that the task embeds, and that a loop over batches embeds, which repeats the prompts."""
    task = find_task("zero-shot")
    with tempfile.TemporaryDirectory() as folder:
        for number in range(num_clips):
            label = Path(folder, f"label {number % NUM_LABELS}")
            label.mkdir(exist_ok=True)
            soundfile.write(label / f"{number}.wav", np.full(DIMENSIONS, number / num_clips), RATE)
        embedder = CountingEmbedder()
        task.run(EmbeddingScorer(embedder), "counting", task.prepare(TaskInputs(data=Path(folder))), seed=0)
    return embedder.num_texts, NUM_LABELS * math.ceil(num_clips / BATCH)


if __name__ == "__main__":
    main()
