"""Times the rules that make negatives: `python -m benchmarks.speed.negatives CAPTIONS.csv`.

One core is used; writing the same captions without negatives is timed as well. Further tables give the fraction of
captions that each kind applies to, the AUC of the text-leak classifier before and after balancing, and the peak memory
on a long file.
"""

from __future__ import annotations

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

from benchmarks.speed.output import measuring_parser, print_tables
from compa.manifest import Clip, write_manifest
from compa.utils.arguments import positive_int
from negatives import kinds, levels
from negatives.pipeline import add_negatives
from negatives.postprocess import BALANCE, balance
from negatives.rules import Rules
from negatives.sources import read_clips

ROUNDS = 3
NUM = 3
UNIT_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    parser = measuring_parser("negatives", __doc__, needs=" captions.csv")
    parser.add_argument("captions", type=Path, help="CSV with a column 'caption', such as AudioCaps' train.csv")
    parser.add_argument("--lines", metavar="N", type=positive_int, default=200_000, help="lines of the long file")
    options = parser.parse_args(arguments)
    clips = list(read_clips(options.captions))
    with tempfile.TemporaryDirectory() as folder:
        tables = (speed(clips, Path(folder)), coverage(clips), text_leak(clips, Path(folder)))
        print_tables(itertools.chain(*tables, memory(clips, options.lines, Path(folder))), options.out)


def speed(clips: Sequence[Clip], folder: Path) -> Iterator[str]:
    """Captions a second of processor time, the best of several rounds in turns."""
    sources: dict[str, Callable[[], Iterable[Clip]]] = {
        "captions only": lambda: clips,
        f"rules, all kinds, K={NUM}": lambda: generated(clips, tuple(kinds.available())),
        f"rules, all kinds, K={NUM}, and positives": lambda: generated(clips, all_kinds()),
    }
    best = dict.fromkeys(sources, float("inf"))
    for _, (name, source) in itertools.product(range(ROUNDS), sources.items()):
        start = time.process_time()
        write_manifest(folder / "speed.jsonl", source())
        best[name] = min(best[name], time.process_time() - start)
    yield from ("| manifest written, one core | captions/s |", "| --- | ---: |")
    yield from (f"| {name} | {len(clips) / seconds:,.0f} |" for name, seconds in best.items())


def coverage(clips: Sequence[Clip]) -> Iterator[str]:
    """For every kind and level: the fraction of captions that it applies to, and its time a caption."""
    yield from ("", "| kind or level | of the captions | µs a caption |", "| --- | ---: | ---: |")
    captions = [caption for clip in clips for caption in clip.captions]
    for name, propose in {**kinds.available(), **levels.available()}.items():
        rng, start = random.Random(0), time.process_time()
        applicable = sum(next(iter(propose(caption, rng)), None) is not None for caption in captions)
        seconds = time.process_time() - start
        yield f"| {name} | {applicable / len(captions):.1%} | {seconds / len(captions) * 1e6:.0f} |"


def text_leak(clips: Sequence[Clip], folder: Path) -> Iterator[str]:
    """AUC of the text-leak classifier by kind before and after balancing, and how many negatives balancing drops."""
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
    """Peak memory of a child process after a tenth of a long file, and at its end."""
    path = folder / "long.txt"
    captions = [clip.captions[0] for clip in clips]
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{caption}\n" for caption in itertools.islice(itertools.cycle(captions), lines))
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        tenth, whole = pool.submit(peaks, path, lines).result()
    yield from ("", f"Memory, {lines:,} lines: {tenth:.1f} MB at the peak after a tenth, {whole:.1f} MB at the end")


def peaks(path: Path, lines: int) -> list[float]:
    """Peak memory of this process in MB, after a tenth of the lines and at the end."""
    held = []
    for number, _ in enumerate(generated(read_clips(path), all_kinds())):
        if number in (lines // 10, lines - 1):
            held.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * UNIT_OF_MAXRSS / 1e6)
    return held


def generated(clips: Iterable[Clip], wanted: tuple[str, ...]) -> Iterator[Clip]:
    """Adds negatives and positives by the rules."""
    return add_negatives(clips, Rules(), wanted, NUM)


def all_kinds() -> tuple[str, ...]:
    """All kinds of negatives and levels of positives."""
    return (*kinds.available(), *levels.available())


def _auc(auc: float | None) -> str:
    return "too few" if auc is None else f"{auc:.3f}"


if __name__ == "__main__":
    main()
