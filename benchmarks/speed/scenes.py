"""Times composed scenes: `python -m benchmarks.speed.scenes`.

Processor time of one core is measured. The bank holds colored noises of 5 s in memory. Every clip is planned, described
in words with its positives, negatives and twin, and rendered. Where scaper is installed (`pip install scaper`), its
scenes of two of the same sounds are timed as well.
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from benchmarks.speed.output import machine, measuring_parser, print_tables
from benchmarks.speed.timing import CLOCKS, time_in_turns
from compa.scenes.banks.activity import Active
from compa.scenes.banks.bank import MemoryBank
from compa.scenes.banks.recordings import Recording
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.plan import sound_nodes
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.timeline import Timeline, mix

RATE, SECONDS = 32000, 10.0
TARGET = 200
"""Clips of two events that one core should make in a second."""
EVENTS = (1, 2, 3, 4, 5, 6)
NUM_LABELS, NUM_TAKES = 12, 4


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints tables."""
    options = measuring_parser("scenes", __doc__, seconds=30).parse_args(arguments)
    print_tables(_tables(options.seconds), options.out)


def make_bank() -> MemoryBank:
    """Makes a bank of noises of different colors."""
    rng = np.random.default_rng(0)
    recordings = []
    for label, take in itertools.product(range(NUM_LABELS), range(NUM_TAKES)):
        noise = np.convolve(rng.normal(scale=0.1, size=5 * RATE), np.hanning(3 + label), mode="same")
        active = Active.part_of(noise.astype(np.float32), RATE)
        recordings.append(Recording(f"noise {label}", f"{label}/{take}", active, split="train"))
    return MemoryBank("noises", RATE, recordings)


def timelines_of(bank: MemoryBank, num_events: int, number: int) -> list[Timeline]:
    """Plans scenes of exactly this many events."""
    composer = Composer(bank, Settings(max_events=num_events, attributes=(), twins=False))
    scenes = (composer.scenes(index)[0].timeline for index in itertools.count())
    fitting = (t for t in scenes if len(t.events) == num_events == len(sound_nodes(t.plan.root)))
    return list(itertools.islice(fitting, number))


def _tables(seconds: float) -> Iterator[str]:
    yield machine()
    bank = make_bank()
    numbers = {events: itertools.count() for events in EVENTS}
    composers = {events: Composer(bank, Settings(max_events=events, attributes=())) for events in EVENTS}
    functions: dict[str, Callable[[], object]] = {
        f"composed with texts and twins, up to {events} events": lambda e=events: composers[e].scenes(next(numbers[e]))  # type: ignore[misc]
        for events in EVENTS
    }
    yield from _table("Clips of 10 s at 32 kHz", functions, 2, seconds)
    planned = {events: itertools.cycle(timelines_of(bank, events, 8)) for events in EVENTS}
    functions = {f"mixed alone, {events} events": lambda e=events: mix([next(planned[e])]) for events in EVENTS}  # type: ignore[misc]
    with tempfile.TemporaryDirectory() as folder:
        if find_spec("scaper"):
            functions["scaper, 2 events"] = _scaper(Path(folder), bank)
        yield from _table("Mixing of planned scenes", functions, 1, seconds)
    if not find_spec("scaper"):
        yield "\nscaper is not installed: pip install scaper, and run this again"


def _table(title: str, functions: dict[str, Callable[[], object]], clips: int, seconds: float) -> Iterator[str]:
    times = time_in_turns(functions, seconds, CLOCKS["cpu"])
    yield f"\n{title}\n"
    yield f"| | clips a second and core, median of rounds | to {TARGET} |"
    yield "| --- | ---: | ---: |"
    for name, taken in times.items():
        rate = clips / taken.median
        yield f"| {name} | {rate:,.0f} | {rate / TARGET:.2f} |"


def _scaper(folder: Path, bank: MemoryBank) -> Callable[[], NDArray[np.float32]]:
    """A function that makes a scene of two events with scaper, from the same sounds."""
    import scaper  # type: ignore[import-not-found, unused-ignore]

    vars(np)["Inf"] = np.inf  # NumPy 2 removed this name, which scaper 1.6.5 still uses
    rng = np.random.default_rng(0)
    for label in bank.labels[:4]:
        (folder / "foreground" / label.replace(" ", "_")).mkdir(parents=True)
        for take in range(NUM_TAKES):
            path = folder / "foreground" / label.replace(" ", "_") / f"{take}.wav"
            soundfile.write(path, bank.sample(label, rng, duration=5.0).waveform, RATE)
    (folder / "background").mkdir()

    def generate() -> Any:
        scape: Any = scaper.Scaper(SECONDS, str(folder / "foreground"), str(folder / "background"))
        scape.sr = RATE
        for start in (0.5, 4.0):
            scape.add_event(
                label=("choose", []), source_file=("choose", []), source_time=("const", 0.0),
                event_time=("const", start), event_duration=("const", 3.0), snr=("const", 0.0), pitch_shift=None,
                time_stretch=None,
            )  # fmt: skip
        return scape.generate(no_audio=False)[0]

    return generate


if __name__ == "__main__":
    main()
