"""Times the objectives beside other implementations: `python -m benchmarks.speed.objectives`.

All losses are timed in turns, in one process. Memory is measured in child processes, traffic between ranks in processes
connected by gloo. `--device cuda` instead times bfloat16 batches of up to 65,536 clips on a GPU, after a comparison of
losses and gradients with float64 on the CPU.
"""

from __future__ import annotations

import gc
import platform
from collections.abc import Callable, Iterator, Sequence

import torch

from benchmarks.speed import baselines, cases, communication, memory
from benchmarks.speed.output import measuring_parser, print_tables
from benchmarks.speed.timing import CLOCKS, MIB, Times, time_in_turns
from compa.objectives import Embeddings
from compa.utils.arguments import positive_int

PARTS = ("time", "memory", "ranks")
COMPA = (cases.INFONCE, cases.HARD, cases.MODULAR)
NO_OPEN_CLIP = "open_clip is not installed, so its rows are missing: pip install compa[speed]"
Clock = Callable[[], float]


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    parser = measuring_parser("objectives", __doc__, PARTS, seconds=20)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="--only applies to the CPU")
    parser.add_argument(
        "--threads", metavar="N", type=positive_int, default=torch.get_num_threads(), help="CPU threads"
    )
    parser.add_argument("--clock", choices=CLOCKS, default="wall", help="cpu: for one thread on a busy machine")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    if options.device == "cuda":
        print_tables(_cuda_tables(options.seconds), options.out)
    else:
        print_tables(_cpu_tables(options.only or PARTS, options.seconds, options.clock), options.out)


def _cpu_tables(parts: Sequence[str], seconds: float, clock: str) -> Iterator[str]:
    if baselines.open_clip_loss() is None:
        yield NO_OPEN_CLIP
    how = f"{torch.get_num_threads()} threads, {clock} time"
    yield f"{platform.machine()}, {how}, torch {torch.__version__}, float32, D=512"
    if "time" in parts:
        for num_clips, num_extras in ((1024, 3), (1024, 8), (4096, 3)):
            yield from _time_table(num_clips, num_extras, seconds, CLOCKS[clock])
    if "memory" in parts:
        yield from _memory_table()
    if "ranks" in parts:
        yield from _rank_table()


def _cuda_tables(seconds: float) -> Iterator[str]:
    if baselines.open_clip_loss() is None:
        yield NO_OPEN_CLIP
    yield f"{check('cuda', torch.bfloat16, 2e-2)} losses and their gradients equal those of float64 on the CPU."
    yield f"{torch.cuda.get_device_name()}, torch {torch.__version__}, bfloat16, D=512, K=3"
    for num_clips in (1024, 4096, 16384, 65536):
        yield from _cuda_table(num_clips, seconds)


def check(device: str, dtype: torch.dtype, tolerance: float) -> int:
    """Compares losses and gradients on a device with those of float64 on the CPU, and returns how many losses.

    Raises:
        AssertionError: If one differs.
    """
    scales = (1 / 0.07, 100.0)
    for scale in scales:
        batch = cases.make_batch(6, 3, 32, num_positives=1, dtype=dtype, device=device, scale=scale)
        exact = cases.reference(batch)
        for name in COMPA:
            loss = cases.LOSSES[name]
            total, expected = loss(batch).double().cpu(), loss(exact)
            torch.testing.assert_close(total, expected, rtol=tolerance, atol=tolerance)
            for found, right in zip(cases.gradients(loss, batch), cases.gradients(loss, exact), strict=True):
                if found is not None and right is not None:  # InfoNCE has no gradient for extras
                    allowed = tolerance * float(right.abs().max()) + 1e-12
                    torch.testing.assert_close(found.double().cpu(), right, rtol=0, atol=allowed)
    return len(scales) * len(COMPA)


def _time_table(num_clips: int, num_extras: int, seconds: float, clock: Clock) -> Iterator[str]:
    names = [cases.INFONCE, cases.HARD, cases.MODULAR, cases.DENSE, cases.FULL]
    names += [cases.OPEN_CLIP] if baselines.open_clip_loss() is not None else []
    names += [cases.STAGE_2, cases.STAGE_3] if (num_clips, num_extras) == (1024, 3) else []
    names += [cases.STAGE_2] if (num_clips, num_extras) == (1024, 8) else []
    batch = cases.make_batch(num_clips, num_extras)
    modular = cases.make_batch(num_clips, num_extras, num_positives=1)
    times = time_in_turns(_functions(names, batch, modular), seconds, clock)
    rounds = len(times[cases.HARD].rounds)
    yield f"\nB={num_clips}, K={num_extras} (modular: one of them positive), {rounds} rounds\n"
    yield "| | best, ms | to three products | median of rounds |"
    yield "| --- | ---: | ---: | ---: |"
    for name in times:
        yield f"| {name} | {_compared(times, name)} |"


def _functions(names: Sequence[str], batch: Embeddings, modular: Embeddings) -> dict[str, Callable[[], object]]:
    """Three matrix products, and the losses of these names with their gradients."""

    def function(name: str) -> Callable[[], object]:
        embeddings = modular if name in (cases.MODULAR, cases.STAGE_3) else batch
        return lambda: cases.gradients(cases.LOSSES[name], embeddings)

    return {"three bare products": baselines.three_products(batch), **{name: function(name) for name in names}}


def _compared(times: dict[str, Times], name: str) -> str:
    """Best time, and ratios to the first row: of the best rounds, and the median over rounds."""
    mine, first = times[name], next(iter(times.values()))
    return f"{mine.best * 1e3:.2f} | {mine.best / first.best:.2f} | {mine.ratio_to(first):.2f}"


def _memory_table() -> Iterator[str]:
    yield "\nMemory beyond inputs and their gradients, MiB; D=512, K=3\n"
    yield f"| B | one B x B float32 matrix | {' | '.join(COMPA)} |"
    yield "| ---: | ---: | ---: | ---: | ---: |"
    for num_clips in (2048, 4096, 8192):
        matrix, shown = 4 * num_clips**2 / MIB, []
        for name in COMPA:
            growth, grads = memory.peak_growth(name, num_clips, 3, 512)
            extra = (growth - grads) / MIB
            shown.append(f"{extra:.1f} ({extra / matrix:.1%})")
        yield f"| {num_clips} | {matrix:.0f} | {' | '.join(shown)} |"
    yield "\nGrowth of the peak, gradients included, MiB; B=4096, D=512, K=8\n"
    yield "| | MiB | to compa |"
    yield "| --- | ---: | ---: |"
    compa, _ = memory.peak_growth(cases.HARD, 4096, 8, 512)
    yield f"| {cases.HARD} | {compa / MIB:.0f} | 1 |"
    for name in (cases.FULL, cases.STAGE_2):
        growth, _ = memory.peak_growth(name, 4096, 8, 512)
        yield f"| {name} | {growth / MIB:.0f} | {growth / compa:.1f} |"


def _rank_table() -> Iterator[str]:
    yield "\nBytes that a rank receives, 512 clips a rank, D=512, float32, gloo\n"
    yield "| ranks | compa, K=3 | for hard negatives | open_clip, everything gathered | ratio | ratio, measured |"
    yield "| ---: | ---: | ---: | ---: | ---: | ---: |"
    for num_ranks in (2, 4):
        mine, bare = (communication.measure_traffic(cases.HARD, num_ranks, 512, extras) for extras in (3, 0))
        row = f"| {num_ranks} | {mine.counted:.0f} | {mine.counted - bare.counted:.0f} | "
        if baselines.open_clip_loss() is None:
            yield row + "| | |"
            continue
        theirs = communication.measure_traffic(cases.OPEN_CLIP, num_ranks, 512, 0)
        measured = f"{mine.measured / theirs.measured:.3f}" if theirs.measured else ""
        yield row + f"{theirs.counted:.0f} | {mine.counted / theirs.counted:.3f} | {measured} |"
    yield "\nLargest difference between W ranks and one process, to the largest entry, 64 clips a rank\n"
    yield f"| ranks | type | {' | '.join(COMPA)} |"
    yield "| ---: | --- | ---: | ---: | ---: |"
    for num_ranks in (2, 4):
        for dtype in (torch.float32, torch.float64):
            found = [f"{communication.largest_difference(name, num_ranks, 64, 3, dtype):.1e}" for name in COMPA]
            yield f"| {num_ranks} | {str(dtype).removeprefix('torch.')} | {' | '.join(found)} |"


def _cuda_table(num_clips: int, seconds: float) -> Iterator[str]:
    """Times and peak memory on a GPU; losses that do not fit into its memory are named."""
    batch = cases.make_batch(num_clips, 3, dtype=torch.bfloat16, device="cuda")
    modular = cases.make_batch(num_clips, 3, num_positives=1, dtype=torch.bfloat16, device="cuda")
    names = [cases.INFONCE, cases.HARD, cases.MODULAR, cases.DENSE, cases.FULL]
    names += [cases.OPEN_CLIP] if baselines.open_clip_loss() is not None else []
    functions = _functions(names, batch, modular)
    peaks = {name: _peak_on_gpu(function) for name, function in functions.items()}
    fitting = {name: function for name, function in functions.items() if peaks[name] is not None}
    times = time_in_turns(fitting, min(seconds, 5), synchronize=torch.cuda.synchronize)
    yield f"\nB={num_clips}; one B x B float32 matrix would be {4 * num_clips**2 / MIB:.0f} MiB\n"
    yield "| | best, ms | to three products | median of rounds | peak beyond inputs, MiB |"
    yield "| --- | ---: | ---: | ---: | ---: |"
    for name, peak in peaks.items():
        if peak is None:
            yield f"| {name} | out of memory | | | |"
        else:
            yield f"| {name} | {_compared(times, name)} | {peak / MIB:.0f} |"


def _peak_on_gpu(function: Callable[[], object]) -> int | None:
    """Bytes that a function needs at its peak; None if it runs out of memory."""
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    try:
        function()
        torch.cuda.synchronize()
    except torch.OutOfMemoryError:
        return None
    return torch.cuda.max_memory_allocated() - before


if __name__ == "__main__":
    main()
