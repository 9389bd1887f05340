"""Times the objectives beside other ways to compute them: `python -m benchmarks.speed.objectives`.

First it checks every objective against the dense reference in float64; then it times all losses in turns, in one
process, so that whatever else the machine does hits each alike. Memory is measured in child processes,
bytes between ranks in processes that talk over gloo. `--device cuda` times bfloat16 batches on a GPU
instead, up to 65,536 clips.
"""

from __future__ import annotations

import argparse
import gc
import platform
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from benchmarks.speed import baselines as rivals
from benchmarks.speed import cases, memory
from benchmarks.speed import communication as wire
from benchmarks.speed.output import tell
from compa.objectives import Embeddings, reference

MIB = 2**20
PARTS = ("time", "memory", "ranks")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
OURS = (cases.INFONCE, cases.HARD, cases.MODULAR)
NO_OPEN_CLIP = "open_clip isn't installed, so its rows are missing: pip install compa[speed]"


@dataclass(frozen=True)
class Times:
    """What one loss took, with its gradients.

    Attributes:
        best: Seconds, the shortest of all rounds.
        rounds: Seconds of every round.
    """

    best: float
    rounds: tuple[float, ...]


def main(arguments: Sequence[str] | None = None) -> None:
    """Checks, measures and prints tables; `--out` writes them to a file, too."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--only", choices=PARTS, action="append", help="a part alone, on the CPU; can be repeated")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="default: %(default)s")
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    parser.add_argument("--seconds", type=float, default=20, help="for each table of times; default: %(default)s")
    parser.add_argument("--out", type=Path, help="file for the tables, in Markdown")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    tell(_report(options), options.out)


def _report(options: argparse.Namespace) -> Iterator[str]:
    if rivals.open_clip_loss() is None:
        yield NO_OPEN_CLIP
    if options.device == "cuda":
        yield from _cuda_report(options)
        return
    yield f"{check('cpu')} losses and gradients equal the dense reference in float64."
    how = f"{options.threads} threads, {options.clock} time"
    yield f"{platform.machine()}, {how}, torch {torch.__version__}, float32, D=512"
    parts = options.only or PARTS
    if "time" in parts:
        for num_clips, num_extras in ((1024, 3), (1024, 8), (4096, 3)):
            yield from _time_table(num_clips, num_extras, options.seconds, CLOCKS[options.clock])
    if "memory" in parts:
        yield from _memory_table()
    if "ranks" in parts:
        yield from _rank_table()


def _cuda_report(options: argparse.Namespace) -> Iterator[str]:
    yield f"{check('cuda')} losses and gradients equal the dense reference in float64."
    yield f"{torch.cuda.get_device_name()}, torch {torch.__version__}, bfloat16, D=512, K=3"
    for num_clips in (1024, 4096, 16384, 65536):
        yield from _cuda_table(num_clips, options.seconds)


def check(device: str) -> int:
    """Compares losses and gradients with the dense reference and gives how many comparisons there were.

    Raises:
        AssertionError: If one differs.
    """
    references = {
        cases.INFONCE: reference.info_nce,
        cases.HARD: reference.hard_negative_nce,
        cases.MODULAR: reference.modular_nce,
    }
    types = {torch.float32: 2e-5} if device == "cpu" else {torch.float32: 2e-4, torch.bfloat16: 2e-2}
    batches = [(dtype, scale) for dtype in types for scale in (1 / 0.07, 100.0)]
    for dtype, scale in batches:
        batch = cases.make_batch(6, 3, 32, num_positives=1, dtype=dtype, device=device, scale=scale)
        for name, exact_losses in references.items():
            _compare(cases.LOSSES[name], exact_losses, batch, types[dtype])
    return len(batches) * len(references)


def _compare(
    loss: cases.Loss, exact_losses: Callable[[Embeddings], reference.Losses], batch: Embeddings, tolerance: float
) -> None:
    exact = cases.reference(batch)
    total, expected = loss(batch), torch.stack(exact_losses(exact)).mean()
    torch.testing.assert_close(total.double().cpu(), expected, rtol=tolerance, atol=tolerance)
    for mine, right in zip(cases.go_back(loss, batch), cases.go_back(lambda _: expected, exact), strict=True):
        if mine is not None and right is not None:
            allowed = tolerance * float(right.abs().max()) + 1e-12
            torch.testing.assert_close(mine.double().cpu(), right, rtol=0, atol=allowed)


def take_turns(
    works: Mapping[str, Callable[[], object]],
    seconds: float,
    synchronise: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Times]:
    """Times every work once a round, as many rounds as fit into the time: one to warm up, three at least."""
    rounds: dict[str, list[float]] = {name: [] for name in works}
    start = time.perf_counter()
    while len(rounds[next(iter(works))]) < 4 or time.perf_counter() - start < seconds:
        for name, work in works.items():
            synchronise()
            begin = clock()
            work()
            synchronise()
            rounds[name].append(clock() - begin)
    return {name: Times(min(taken[1:]), tuple(taken[1:])) for name, taken in rounds.items()}


def _time_table(num_clips: int, num_extras: int, seconds: float, clock: Callable[[], float]) -> Iterator[str]:
    names = [cases.INFONCE, cases.HARD, cases.MODULAR, cases.DENSE, cases.FULL]
    names += [cases.OPEN_CLIP] if rivals.open_clip_loss() is not None else []
    names += [cases.STAGE_2, cases.STAGE_3] if (num_clips, num_extras) == (1024, 3) else []
    names += [cases.STAGE_2] if (num_clips, num_extras) == (1024, 8) else []
    batch = cases.make_batch(num_clips, num_extras)
    modular = cases.make_batch(num_clips, num_extras, num_positives=1)
    works: dict[str, Callable[[], object]] = {"three bare products": rivals.three_products(batch)}
    for name in names:
        works[name] = _work(name, modular if name in (cases.MODULAR, cases.STAGE_3) else batch)
    times = take_turns(works, seconds, clock=clock)
    rounds = len(times[cases.HARD].rounds)
    yield f"\nB={num_clips}, K={num_extras} (modular: one of them positive), {rounds} rounds\n"
    yield from _time_rows(times)


def _time_rows(times: dict[str, Times]) -> Iterator[str]:
    """Writes times and their ratios to the first row: of the best rounds, and the median over rounds."""
    yield "| | best, ms | to three products | median of rounds |"
    yield "| --- | ---: | ---: | ---: |"
    for name, taken in times.items():
        yield f"| {name} | {' | '.join(_compared(taken, next(iter(times.values()))))} |"


def _compared(mine: Times, bare: Times) -> tuple[str, str, str]:
    middle = statistics.median(one / other for one, other in zip(mine.rounds, bare.rounds, strict=True))
    return f"{mine.best * 1e3:.2f}", f"{mine.best / bare.best:.2f}", f"{middle:.2f}"


def _work(name: str, batch: Embeddings) -> Callable[[], object]:
    return lambda: cases.go_back(cases.LOSSES[name], batch)


def _memory_table() -> Iterator[str]:
    yield "\nMemory beyond inputs and their gradients, MiB; D=512, K=3\n"
    yield f"| B | one B x B float32 matrix | {' | '.join(OURS)} |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for num_clips in (2048, 4096, 8192):
        matrix, shown = 4 * num_clips**2 / MIB, []
        for name in OURS:
            growth, grads = memory.peak_growth(name, num_clips, 3, 512)
            extra = (growth - grads) / MIB
            shown.append(f"{extra:.1f} ({extra / matrix:.1%})")
        yield f"| {num_clips} | {matrix:.0f} | {' | '.join(shown)} |"
    yield "\nGrowth of the peak, gradients included, MiB; B=4096, D=512, K=8\n"
    yield "| | MiB | to ours |"
    yield "| --- | ---: | ---: |"
    ours, _ = memory.peak_growth(cases.HARD, 4096, 8, 512)
    yield f"| {cases.HARD} | {ours / MIB:.0f} | 1 |"
    for name in (cases.FULL, cases.STAGE_2):
        growth, _ = memory.peak_growth(name, 4096, 8, 512)
        yield f"| {name} | {growth / MIB:.0f} | {growth / ours:.1f} |"


def _rank_table() -> Iterator[str]:
    yield "\nBytes a rank gets from the others, 512 clips a rank, D=512, float32, gloo\n"
    yield "| ranks | ours, K=3 | for hard negatives | open_clip, everything gathered | ratio | on the wire |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for num_ranks in (2, 4):
        mine, bare = (wire.traffic(cases.HARD, num_ranks, 512, extras) for extras in (3, 0))
        row = f"| {num_ranks} | {mine.counted:.0f} | {mine.counted - bare.counted:.0f} | "
        if rivals.open_clip_loss() is None:
            yield row + "| | |"
            continue
        theirs = wire.traffic(cases.OPEN_CLIP, num_ranks, 512, 0)
        measured = f"{mine.measured / theirs.measured:.3f}" if theirs.measured else ""
        yield row + f"{theirs.counted:.0f} | {mine.counted / theirs.counted:.3f} | {measured} |"
    yield "\nLargest difference between W ranks and one process, to the largest entry, 64 clips a rank\n"
    yield f"| ranks | type | {' | '.join(OURS)} |"
    yield "| ---: | --- | ---: | ---: | ---: |"
    for num_ranks in (2, 4):
        for dtype in (torch.float32, torch.float64):
            found = [f"{wire.difference(name, num_ranks, 64, 3, dtype):.1e}" for name in OURS]
            yield f"| {num_ranks} | {str(dtype).removeprefix('torch.')} | {' | '.join(found)} |"


def _cuda_table(num_clips: int, seconds: float) -> Iterator[str]:
    """Times and peak memory on a GPU; what doesn't fit is named."""
    batch = cases.make_batch(num_clips, 3, dtype=torch.bfloat16, device="cuda")
    modular = cases.make_batch(num_clips, 3, num_positives=1, dtype=torch.bfloat16, device="cuda")
    names = [cases.INFONCE, cases.HARD, cases.MODULAR, cases.DENSE, cases.FULL]
    names += [cases.OPEN_CLIP] if rivals.open_clip_loss() is not None else []
    works: dict[str, Callable[[], object]] = {"three bare products": rivals.three_products(batch)}
    works |= {name: _work(name, modular if name == cases.MODULAR else batch) for name in names}
    peaks = {name: _peak_on_gpu(work) for name, work in works.items()}
    fitting = {name: work for name, work in works.items() if peaks[name] is not None}
    times = take_turns(fitting, min(seconds, 5), torch.cuda.synchronize)
    yield f"\nB={num_clips}; one B x B float32 matrix would be {4 * num_clips**2 / MIB:.0f} MiB\n"
    yield "| | best, ms | to three products | median of rounds | peak beyond inputs, MiB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, peak in peaks.items():
        if peak is None:
            yield f"| {name} | out of memory | | | |"
        else:
            yield f"| {name} | {' | '.join(_compared(times[name], next(iter(times.values()))))} | {peak / MIB:.0f} |"


def _peak_on_gpu(work: Callable[[], object]) -> int | None:
    """Gives the bytes a work takes at its peak, or None if there aren't as many."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    try:
        work()
        torch.cuda.synchronize()
    except torch.OutOfMemoryError:
        return None
    return torch.cuda.max_memory_allocated() - before


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("stopped")
