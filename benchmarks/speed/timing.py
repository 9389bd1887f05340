"""Times functions in turns in one process, so that other load on the machine affects each of them alike."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
MIB = 2**20


@dataclass(frozen=True)
class Times:
    """Seconds that a function took in each round."""

    rounds: tuple[float, ...]

    @property
    def best(self) -> float:
        """The shortest round."""
        return min(self.rounds)

    @property
    def median(self) -> float:
        """The median round."""
        return statistics.median(self.rounds)

    def ratio_to(self, other: Times) -> float:
        """Median over rounds of its time divided by the other's."""
        return statistics.median(mine / theirs for mine, theirs in zip(self.rounds, other.rounds, strict=True))


def time_in_turns(
    functions: Mapping[str, Callable[[], object]],
    seconds: float,
    clock: Callable[[], float] = time.perf_counter,
    synchronize: Callable[[], None] = lambda: None,
) -> dict[str, Times]:
    """Calls every function once a round, and gives its times without the first round, which warms up.

    Args:
        functions: The functions by name.
        seconds: Total time; there are at least three timed rounds.
        clock: Gives seconds.
        synchronize: Waits until the device has finished.
    """
    rounds: dict[str, list[float]] = {name: [] for name in functions}
    start = time.perf_counter()
    while len(rounds[next(iter(functions))]) < 4 or time.perf_counter() - start < seconds:
        for name, function in functions.items():
            synchronize()
            begin = clock()
            function()
            synchronize()
            rounds[name].append(clock() - begin)
    return {name: Times(tuple(times[1:])) for name, times in rounds.items()}
