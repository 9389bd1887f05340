"""Vectors of texts on the disk, so that a frozen encoder reads each text once, not once an epoch."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

MAX_ASKED = 500
"""Keys of one query; SQLite takes no more than some hundreds in old versions."""


class EmbeddingCache:
    """A database of vectors by their text, for one encoder.

    Any number of processes on one machine may share it.

    Args:
        folder: Made where it is missing.
        fingerprint: Tells the encoder from all others; each has a file of its own.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(Path(folder) / f"{fingerprint}.sqlite", timeout=60, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS vectors (text BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    def find(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor]) -> Tensor:
        """The vectors (N, width) of texts, float32 on the CPU.

        Args:
            texts: Different ones.
            encode: Gives the vectors of those that are not there yet.
        """
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        found = self._read(keys)
        missing = [row for row, key in enumerate(keys) if key not in found]
        if missing:
            vectors = encode([texts[row] for row in missing]).float().cpu().numpy()
            added = [(keys[row], vector.tobytes()) for row, vector in zip(missing, vectors, strict=True)]
            self._database.execute("BEGIN IMMEDIATE")
            self._database.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", added)
            self._database.execute("COMMIT")
            found |= dict(added)
        return torch.from_numpy(np.stack([np.frombuffer(found[key], dtype=np.float32) for key in keys]))

    def _read(self, keys: Sequence[bytes]) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for start in range(0, len(keys), MAX_ASKED):
            asked = keys[start : start + MAX_ASKED]
            places = ",".join("?" * len(asked))
            found |= dict(self._database.execute(f"SELECT text, vector FROM vectors WHERE text IN ({places})", asked))
        return found
