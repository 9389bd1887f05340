"""compa teaches audio-language models to compose, and measures whether they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compa.models.encoders.audio import Pad
    from compa.models.pretrained import Embedder

__version__ = "0.2.0.dev0"


def load(model: str, pad: Pad | None = None, strict: bool = True) -> Embedder:
    """Loads a trained model.

    Args:
        model: A run folder (as written by ``compa fit`` or ``compa demo``) or an exported one, one of its checkpoints,
            a folder with a CLAP checkpoint of transformers, ``hf:`` before such a folder or a hub id, or a ``.pt``
            file of LAION-CLAP.
        pad: How a checkpoint of others fills up clips that are shorter than its window: ``repeatpad``, ``repeat`` or
            ``zeros``; None is its own way.
        strict: Whether weights that are missing or have no place are an error.

    Returns:
        An embedder with ``embed_audio``, ``embed_text`` and ``similarity``; its ``preprocessing`` says what was used.

    Raises:
        ValueError: If there is no such model, or it is damaged.
    """
    from compa.models.pretrained import load  # torch takes seconds to import: only when a model is wanted

    return load(model, pad=pad, strict=strict)
