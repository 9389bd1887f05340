"""compa teaches audio-language models to compose, and measures whether they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compa.models.pretrained import Embedder

__version__ = "0.1.0"


def load(model: str) -> Embedder:
    """Loads a trained model from a run folder or checkpoint file.

    Args:
        model: A run folder (as written by ``compa fit`` or ``compa demo``) or one of its checkpoints.

    Returns:
        An embedder with ``embed_audio``, ``embed_text`` and ``similarity``.

    Raises:
        ValueError: If there is no model at that path.
    """
    from compa.models.pretrained import load  # torch takes seconds to import: only when a model is wanted

    return load(model)
