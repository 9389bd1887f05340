"""Embeddings on disk, so that each audio and each text is embedded once per model, not once per run."""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from compa.utils.store import Store

Row: TypeAlias = NDArray[np.float32]
FILE_NAME = "embeddings.sqlite"
_SETTLED_SECONDS = 2.0  # a file changed more recently may change again within one tick of its clock
_FILE_STATE = struct.Struct("<qq")


class EmbeddingCache:
    """Embeddings by model and content, and digests of files by name, size and modification time.

    Any number of runs may use a folder at once, on one machine; it may be deleted when no run uses it. It grows by
    about a kilobyte per audio or text at 256 dimensions.

    Args:
        folder: Made where missing; None keeps everything in memory, for this run only.

    Raises:
        ValueError: If the file there is not such a cache.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._store = Store(folder / FILE_NAME if folder else None)

    def find(self, keys: Sequence[bytes]) -> dict[bytes, Row]:
        """The cached embeddings (D,) by key."""
        return {key: np.frombuffer(blob, dtype=np.float32) for key, blob in self._store.get(keys).items()}

    def keep(self, rows: Mapping[bytes, Row]) -> None:
        """Adds embeddings; after a kill, those of one call are all there or none is."""
        self._store.put({key: np.ascontiguousarray(row, dtype=np.float32).tobytes() for key, row in rows.items()})

    def known_files(self, paths: Sequence[Path]) -> dict[Path, bytes]:
        """The digests of those files that have not changed since they were read."""
        by_key = {_file_key(path): path for path in paths}
        found = {}
        for key, blob in self._store.get(list(by_key)).items():
            state, digest = blob[: _FILE_STATE.size], blob[_FILE_STATE.size :]
            if state == _settled_state(by_key[key]):
                found[by_key[key]] = digest
        return found

    def keep_files(self, digests: Mapping[Path, bytes]) -> None:
        """Stores the digests of files; those that were modified just now are not stored."""
        settled = {path: state for path in digests if (state := _settled_state(path))}
        self._store.put({_file_key(path): state + digests[path] for path, state in settled.items()})

    def close(self) -> None:
        """Closes the file."""
        self._store.close()


def cache_folder() -> Path:
    """The default folder for caches: `compa` in `$XDG_CACHE_HOME`, or in `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "compa"


def key_of(model: str, kind: str, content: bytes) -> bytes:
    """The key of an embedding.

    Args:
        model: Fingerprint of the model, including its preprocessing.
        kind: `audio` or `text`.
        content: What was embedded, or its digest.
    """
    return hashlib.blake2b(content, digest_size=20, key=_secret(kind, model)).digest()


@lru_cache(maxsize=64)
def _secret(kind: str, model: str) -> bytes:
    return hashlib.sha256(f"{kind} {model}".encode()).digest()


def _file_key(path: Path) -> bytes:
    return key_of("", "file", os.fsencode(path.absolute()))


def _settled_state(path: Path) -> bytes:
    """Size and modification time; empty for a missing file and for one that was modified just now."""
    try:
        status = path.stat()
    except OSError:
        return b""
    is_settled = time.time() - status.st_mtime_ns / 1e9 >= _SETTLED_SECONDS
    return _FILE_STATE.pack(status.st_size, status.st_mtime_ns) if is_settled else b""
