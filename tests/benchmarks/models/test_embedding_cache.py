from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.models.embedding_cache import FILE_NAME, EmbeddingCache, cache_folder, key_of


@pytest.mark.parametrize("on_disk", [True, False])
def test_rows_come_back_to_the_bit(tmp_path: Path, on_disk: bool) -> None:
    cache = EmbeddingCache(tmp_path / "new" if on_disk else None)
    rows = {
        key_of("m", "text", str(number).encode()): np.random.default_rng(number).normal(size=7).astype(np.float32)
        for number in range(20)
    }
    cache.keep(rows)
    if on_disk:
        cache.close()
        cache = EmbeddingCache(tmp_path / "new")
    found = cache.find([*rows, b"unknown"])
    assert found.keys() == rows.keys()
    assert all(np.array_equal(found[key], rows[key]) for key in rows)


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
    assert cache.known_files([old, fresh]) == {old: b"digest"}  # the other may change within a tick of its clock
    os.utime(old, (1_000_001, 1_000_001))
    assert cache.known_files([old]) == {}
    cache.keep_files({old: b"new"})
    assert cache.known_files([old]) == {old: b"new"}
    old.write_bytes(b"other sound")
    os.utime(old, (1_000_001, 1_000_001))
    assert cache.known_files([old]) == {}
    old.unlink()
    assert cache.known_files([old]) == {}


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / FILE_NAME).write_text("no database " * 100)
    with pytest.raises(ValueError, match=r"embeddings\.sqlite cannot be used as a cache"):
        EmbeddingCache(tmp_path)


def test_the_default_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert cache_folder() == Path("/somewhere/compa")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "compa"
