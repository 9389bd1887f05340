"""Embeddings of texts on the disk, so that a frozen encoder reads each text once, not once an epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compa.models.vector_store import VectorStore


class EmbeddingCache:
    """The vectors of texts of one encoder, for any number of processes on one machine.

    Args:
        folder: Created if it is missing.
        fingerprint: Identifies the encoder; each has a file of its own.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self._store = VectorStore(Path(folder) / f"{fingerprint}.sqlite")

    def find(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor]) -> Tensor:
        """The vectors (N, width) of texts, float32 on the CPU.

        Args:
            texts: Without duplicates.
            encode: Computes the vectors of those that are missing.
        """
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        found = self._store.read(keys)
        missing = [row for row, key in enumerate(keys) if key not in found]
        if missing:
            vectors = encode([texts[row] for row in missing]).float().cpu().numpy()
            added = [(keys[row], vector) for row, vector in zip(missing, vectors, strict=True)]
            self._store.write(added)
            found |= dict(added)
        return torch.from_numpy(np.stack([found[key] for key in keys]))
