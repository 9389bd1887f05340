"""Times the rules that make negatives: `python -m benchmarks.speed.negatives CAPTIONS.csv`.

On one core, and beside a bare copy of the same captions into the same manifest. Then what share of the captions each
kind can serve, how well a classifier of words tells the negatives before and after balancing, and how memory grows
on a long file.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from compa.manifest import Clip, write_manifest
from negatives import kinds, levels
from negatives.pipeline import add_negatives
from negatives.postprocess import BALANCE, balance
from negatives.rules import Rules
from negatives.sources import read_clips

ROUNDS = 3
NUM = 3
UNIT_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("captions", type=Path, help="CSV with a column 'caption', such as AudioCaps' train.csv")
    parser.add_argument("--lines", type=int, default=200_000, help="of the long file; default: %(default)s")
    options = parser.parse_args(arguments)
    clips = list(read_clips(options.captions))
    with tempfile.TemporaryDirectory() as folder:
        tables = (speed(clips, Path(folder)), shares(clips), leaks(clips, Path(folder)))
        for line in itertools.chain(*tables, memory(clips, options.lines, Path(folder))):
            print(line, flush=True)


def speed(clips: Sequence[Clip], folder: Path) -> Iterator[str]:
    """Captions a second of CPU time, best of some rounds that take turns."""
    ways: dict[str, Callable[[], Iterable[Clip]]] = {
        "bare copy": lambda: clips,
        f"rules, all kinds, K={NUM}": lambda: generated(clips, tuple(kinds.available())),
        f"rules, all kinds, K={NUM}, and positives": lambda: generated(clips, every()),
    }
    best = dict.fromkeys(ways, float("inf"))
    for _, (name, way) in itertools.product(range(ROUNDS), ways.items()):
        start = time.process_time()
        write_manifest(folder / "speed.jsonl", way())
        best[name] = min(best[name], time.process_time() - start)
    yield from ("| manifest written, one core | captions/s |", "| --- | ---: |")
    yield from (f"| {name} | {len(clips) / seconds:,.0f} |" for name, seconds in best.items())


def shares(clips: Sequence[Clip]) -> Iterator[str]:
    """For every kind and level alone: the captions that it can serve, and its time on each."""
    yield from ("", "| kind or level | captions served | µs a caption |", "| --- | ---: | ---: |")
    captions = [caption for clip in clips for caption in clip.captions]
    for name, propose in {**kinds.available(), **levels.available()}.items():
        rng, start = random.Random(0), time.process_time()
        served = sum(next(iter(propose(caption, rng)), None) is not None for caption in captions)
        seconds = time.process_time() - start
        yield f"| {name} | {served / len(captions):.1%} | {seconds / len(captions) * 1e6:.0f} |"


def leaks(clips: Sequence[Clip], folder: Path) -> Iterator[str]:
    """AUC of the text-leak classifier by kind, before and after balancing, and what that drops."""
    made, kept = folder / "made.jsonl", folder / "kept.jsonl"
    write_manifest(made, generated(clips, tuple(kinds.available())))
    start = time.perf_counter()
    found = balance(made, kept)
    yield from ("", f"Balancing took {time.perf_counter() - start:.0f} s.", "")
    yield from ("| kind | negatives | AUC | dropped | AUC after |", "| --- | ---: | ---: | ---: | ---: |")
    for leak in found.leaks:
        dropped = found.tally.refused[leak.kind, BALANCE]
        total = found.tally.kept[leak.kind] + dropped
        before = found.leaks_before[leak.kind].auc
        yield f"| {leak.kind} | {total:,} | {_auc(before)} | {dropped:,} | {_auc(leak.auc)} |"


def memory(clips: Sequence[Clip], lines: int, folder: Path) -> Iterator[str]:
    """The most memory that a process of its own has held after a tenth of a long file, and at its end."""
    path = folder / "long.txt"
    captions = [clip.captions[0] for clip in clips]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{caption}\n" for caption in itertools.islice(itertools.cycle(captions), lines))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        tenth, whole = pool.submit(peaks, path, lines).result()
    yield from ("", f"Memory, {lines:,} lines: {tenth:.1f} MB at most after a tenth, {whole:.1f} MB at the end")


def peaks(path: Path, lines: int) -> list[float]:
    """Megabytes that this process has held at most, after a tenth of the lines and at the end."""
    held = []
    for number, _ in enumerate(generated(read_clips(path), every())):
        if number in (lines // 10, lines - 1):
            held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT_OF_MAXRSS / 1e6)
    return held


def generated(clips: Iterable[Clip], wanted: tuple[str, ...]) -> Iterator[Clip]:
    """The clips with negatives and positives by the rules."""
    return add_negatives(clips, Rules(), wanted, NUM)


def every() -> tuple[str, ...]:
    """All kinds and levels."""
    return (*kinds.available(), *levels.available())


def _auc(auc: float | None) -> str:
    return "too few" if auc is None else f"{auc:.3f}"


if __name__ == "__main__":
    main()
