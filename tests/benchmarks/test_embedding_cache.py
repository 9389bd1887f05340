from __future__ import annotations

import multiprocessing
import os
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models.embedding_cache import FILE_NAME, EmbeddingCache, Row, cache_folder, key_of


def row(seed: int) -> Row:
    return np.random.default_rng(seed).normal(size=7).astype(np.float32)


@pytest.mark.parametrize("on_disk", [True, False])
def test_rows_come_back_to_the_bit(tmp_path: Path, on_disk: bool) -> None:
    cache = EmbeddingCache(tmp_path / "new" if on_disk else None)
    rows = {key_of("m", "text", str(number).encode()): row(number) for number in range(1203)}
    cache.keep(rows)
    if on_disk:
        cache.close()
        cache = EmbeddingCache(tmp_path / "new")
    found = cache.find([*rows, b"unknown"])
    assert found.keys() == rows.keys()
    assert all(np.array_equal(found[key], rows[key]) for key in rows)
    assert cache.find([]) == {}


def test_keys_tell_models_kinds_and_contents_apart() -> None:
    keys = {key_of(model, kind, content) for model in "ab" for kind in ("audio", "text") for content in (b"x", b"y")}
    assert len(keys) == 8
    assert key_of("a", "text", b"x") == key_of("a", "text", b"x")


def test_a_file_is_known_until_it_changes(tmp_path: Path) -> None:
    old, fresh = tmp_path / "old.wav", tmp_path / "fresh.wav"
    for path in (old, fresh):
        path.write_bytes(b"sound")
    os.utime(old, (1_000_000, 1_000_000))
    cache = EmbeddingCache(tmp_path / "cache")
    cache.keep_files({old: b"digest", fresh: b"digest"})
    assert cache.known_files([old, fresh]) == {old: b"digest"}  # the other one may change within a tick of its clock
    os.utime(old, (1_000_001, 1_000_001))
    assert cache.known_files([old]) == {}
    cache.keep_files({old: b"new"})
    assert cache.known_files([old]) == {old: b"new"}
    old.write_bytes(b"other sound")
    os.utime(old, (1_000_001, 1_000_001))
    assert cache.known_files([old]) == {}


def _fill(folder: Path, first: int) -> None:
    cache = EmbeddingCache(folder)
    for number in range(first, first + 200):
        key = key_of("m", "text", str(number).encode())
        cache.find([key])
        cache.keep({key: row(number)})


def test_two_runs_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    runs = [context.Process(target=_fill, args=(tmp_path, first)) for first in (0, 100)]
    for process in runs:
        process.start()
    for process in runs:
        process.join()
    assert [process.exitcode for process in runs] == [0, 0]
    keys = [key_of("m", "text", str(number).encode()) for number in range(300)]
    found = EmbeddingCache(tmp_path).find(keys)
    assert all(np.array_equal(found[key], row(number)) for number, key in enumerate(keys))


def test_what_is_no_cache_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("no database " * 100)
    with pytest.raises(ValueError, match=r"embeddings\.sqlite is no cache of embeddings .* choose another --cache"):
        EmbeddingCache(tmp_path)
    later = tmp_path / "later"
    later.mkdir()
    with sqlite3.connect(later / FILE_NAME) as database:
        database.execute("PRAGMA user_version = 99")
    database.close()
    with pytest.raises(ValueError, match="its version is 99"):
        EmbeddingCache(later)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="choose another --cache"):
        EmbeddingCache(tmp_path / "file")


def test_a_full_disk_stops_keeping_and_says_so_once(tmp_path: Path) -> None:
    cache = EmbeddingCache(tmp_path)
    cache._database.execute("PRAGMA max_page_count = 1")
    rows = {key_of("m", "text", str(number).encode()): row(number) for number in range(2000)}
    with pytest.warns(UserWarning, match="keeps no further embeddings .*full") as told:
        cache.keep(rows)
    cache.keep(rows)  # without a further warning, which would be an error
    assert len(told) == 1
    assert cache.find(list(rows)) == {}


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/compa")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "compa"
