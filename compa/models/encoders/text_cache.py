"""Vectors of texts on disk, so that a frozen encoder encodes each text once, not once per epoch."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compa.utils.store import Store


class EmbeddingCache:
    """The vectors of texts for one encoder; any number of processes on one machine may share it.

    Args:
        folder: Made where missing.
        fingerprint: Identifies the encoder; each has its own file.
    """

    def __init__(self, folder: str | Path, fingerprint: str) -> None:
        self._store = Store(Path(folder) / f"{fingerprint}.sqlite")

    def find(self, texts: Sequence[str], encode: Callable[[Sequence[str]], Tensor]) -> Tensor:
        """The vectors (N, width) of texts, float32 on the CPU.

        Args:
            texts: Different ones.
            encode: Computes the vectors of those that are not cached yet.
        """
        keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
        found = self._store.get(keys)
        missing = [row for row, key in enumerate(keys) if key not in found]
        if missing:
            vectors = encode([texts[row] for row in missing]).float().cpu().numpy()
            added = {keys[row]: vector.tobytes() for row, vector in zip(missing, vectors, strict=True)}
            self._store.put(added)
            found |= added
        return torch.from_numpy(np.stack([np.frombuffer(found[key], dtype=np.float32) for key in keys]))
