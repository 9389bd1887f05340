from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import pytest

from compa.utils.store import Store


def blob(number: int) -> bytes:
    return bytes(range(number % 200)) + str(number).encode()


def blobs(numbers: range) -> dict[bytes, bytes]:
    return {str(number).encode(): blob(number) for number in numbers}


@pytest.mark.parametrize("on_disk", [True, False])
def test_blobs_come_back(tmp_path: Path, on_disk: bool) -> None:
    path = tmp_path / "new" / "store.sqlite" if on_disk else None
    store = Store(path)
    store.put(blobs(range(1203)))
    if on_disk:
        store.close()
        store = Store(path)
    assert store.get([*blobs(range(1203)), b"unknown"]) == blobs(range(1203))
    store.put({b"7": b"replaced"})
    assert store.get([b"7"]) == {b"7": b"replaced"}
    assert store.get([]) == {}


def _fill(path: Path, first: int) -> None:
    store = Store(path)
    for number in range(first, first + 200):
        store.get([str(number).encode()])
        store.put(blobs(range(number, number + 1)))


def test_two_processes_at_once(tmp_path: Path) -> None:
    path = tmp_path / "store.sqlite"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_fill, args=(path, first)) for first in (0, 100)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert Store(path).get(list(blobs(range(300)))) == blobs(range(300))


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no database " * 100)
    with pytest.raises(ValueError, match=r"text cannot be used as a cache"):
        Store(tmp_path / "text")
    with sqlite3.connect(tmp_path / "later") as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ValueError, match="its version is 99"):
        Store(tmp_path / "later")
    with pytest.raises(ValueError, match="cannot be used as a cache"):
        Store(tmp_path / "text" / "store.sqlite")


def test_a_full_disk_is_one_warning(tmp_path: Path) -> None:
    store = Store(tmp_path / "store.sqlite")
    store._database.execute("PRAGMA max_page_count = 1")
    with pytest.warns(UserWarning, match="stores nothing further .*full") as caught:
        store.put(blobs(range(2000)))
    store.put(blobs(range(2000)))  # without a second warning, which would be an error
    assert len(caught) == 1
    assert store.get(list(blobs(range(2000)))) == {}
