"""Measures in a child process how much memory a loss and its gradients need beyond their inputs."""

from __future__ import annotations

import json
import re
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from benchmarks.speed import cases

CLEAR, STATUS = Path("/proc/self/clear_refs"), Path("/proc/self/status")


def peak_growth(loss: str, num_clips: int, num_extras: int, width: int) -> tuple[int, int]:
    """Measures a loss in a child process.

    Args:
        loss: A name in `cases.LOSSES`.
        num_clips: B.
        num_extras: K, extras of every clip.
        width: D.

    Returns:
        How far the peak of the process's memory rose above its size with the inputs in memory, and the size of the
        gradients in that, in bytes.
    """
    arguments = [sys.executable, "-m", __name__, loss, str(num_clips), str(num_extras), str(width)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    if done.returncode:
        raise ValueError(f"measuring {loss} at B={num_clips} failed: {done.stderr.strip().splitlines()[-1:]}")
    growth, gradients = json.loads(done.stdout)
    return growth, gradients


def main(arguments: list[str]) -> None:
    """Measures one loss and prints the two numbers."""
    name, num_clips, num_extras, width = arguments[0], *map(int, arguments[1:])
    loss = cases.LOSSES[name]
    cases.gradients(loss, cases.make_batch(64, num_extras, width))  # loads libraries and starts threads
    batch = cases.make_batch(num_clips, num_extras, width)
    grads: list[Tensor | None] = []
    growth = growth_of(lambda: grads.extend(cases.gradients(loss, batch)))
    print(json.dumps([growth, sum(grad.numel() * grad.element_size() for grad in grads if grad is not None)]))


def growth_of(function: Callable[[], object]) -> int:
    """How far a function raises the peak of this process's memory above its current size, in bytes."""
    before = _resident()
    _reset_peak()
    function()
    return _peak() - before


def _resident() -> int:
    if not STATUS.exists():
        return _peak()
    return _status("VmRSS")


def _peak() -> int:
    if not STATUS.exists():
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return _status("VmHWM")


def _reset_peak() -> None:
    if CLEAR.exists():
        CLEAR.write_text("5")


def _status(field: str) -> int:
    found = re.search(rf"^{field}:\s+(\d+) kB", STATUS.read_text(), re.MULTILINE)
    assert found is not None
    return int(found[1]) * 1024


if __name__ == "__main__":
    main(sys.argv[1:])
