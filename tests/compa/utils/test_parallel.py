"""Work in processes and threads: in order, bounded, and a crash of a process costs one item."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from compa.utils.parallel import map_in_processes, map_threads


def double(number: int) -> int:
    if number == 37:
        os.kill(os.getpid(), signal.SIGKILL)
    if number == 99:
        raise ValueError("99 is refused")
    return 2 * number


def test_order_is_kept_and_a_crash_costs_one_item() -> None:
    found = list(map_in_processes(double, range(60), 2, crashed=lambda number: -number))
    assert found == [-37 if number == 37 else 2 * number for number in range(60)]


def test_a_crash_that_is_not_expected_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"a worker process was killed.*fewer --workers"):
        list(map_in_processes(double, range(60), 2, chunk=1))


def test_one_worker_is_this_process_where_no_crash_is_expected() -> None:
    assert list(map_in_processes(process_id, [0, 0], 1)) == [os.getpid()] * 2
    assert os.getpid() not in map_in_processes(process_id, [0, 0], 1, crashed=abs)


def process_id(_: int) -> int:
    return os.getpid()


@pytest.mark.parametrize("num_workers", [1, 2])
def test_errors_are_raised(num_workers: int) -> None:
    with pytest.raises(ValueError, match="99 is refused"):
        list(map_in_processes(double, [1, 99], num_workers, crashed=abs))


def test_little_is_read_ahead() -> None:
    taken = 0

    def numbers() -> Iterator[int]:
        nonlocal taken
        while True:
            taken += 1
            yield 0

    results = map_in_processes(double, numbers(), 1, crashed=abs)
    for _ in range(10):
        next(results)
    assert taken < 100
    results.close()  # type: ignore[attr-defined]


def test_threads_keep_the_order_and_read_little_ahead() -> None:
    taken: list[int] = []

    def numbers() -> Iterator[int]:
        for number in range(50):
            taken.append(number)
            yield number

    def slow_first(number: int) -> int:
        time.sleep(0.05 if number == 0 else 0)
        if number == 40:
            raise ValueError("40 is refused")
        return 2 * number

    results = map_threads(slow_first, numbers(), num_threads=3, ahead=5)
    assert [next(results) for _ in range(10)] == list(range(0, 20, 2))
    assert len(taken) == 15
    with pytest.raises(ValueError, match="40 is refused"):
        list(results)
    assert len(taken) < 50
    assert list(map_threads(slow_first, [])) == []


def test_workers_end_with_a_killed_parent(tmp_path: Path) -> None:
    program = (
        "import itertools, os, pathlib, sys\n"
        "from compa.utils.parallel import map_in_processes\n"
        "from tests.compa.utils.test_parallel import note\n"
        "if __name__ == '__main__':\n"
        "    for _ in map_in_processes(note, itertools.repeat(sys.argv[1]), 2, crashed=str): pass\n"
    )
    (tmp_path / "program.py").write_text(program)
    (tmp_path / "pids").mkdir()
    parent = subprocess.Popen(
        [sys.executable, tmp_path / "program.py", tmp_path / "pids"],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    try:
        wait_until(lambda: len(list((tmp_path / "pids").iterdir())) == 2)
    finally:
        parent.kill()
        parent.wait()
    workers = [int(path.name) for path in (tmp_path / "pids").iterdir()]
    wait_until(lambda: not any(is_running(worker) for worker in workers))


def test_that_no_process_can_start_is_not_blamed_on_the_items() -> None:
    program = (
        "from compa.utils.parallel import map_in_processes\n"
        "if __name__ == '__main__': print(list(map_in_processes(abs, [1, 2], 1, crashed=lambda _: -1)))\n"
    )
    done = subprocess.run(  # the main module of a program from a pipe cannot be imported by a spawned process
        [sys.executable, "-"],
        input=program,
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[3],
    )
    assert done.stdout == ""
    assert "OSError: worker processes end as soon as they start" in done.stderr


def note(folder: str) -> None:
    """Leaves this process's id in a folder."""
    (Path(folder) / str(os.getpid())).touch()
    time.sleep(0.01)


def wait_until(condition: object, seconds: float = 120.0) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def is_running(process: int) -> bool:
    status = Path(f"/proc/{process}/stat")
    return status.exists() and status.read_text().split()[2] != "Z"
