"""compa teaches audio-language models to compose, and measures whether they do."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from compa.models.embedder import Embedder
    from compa.models.encoders.audio import Pad

__version__ = "0.2.0.dev0"


def load(model: str, pad: Pad | None = None, strict: bool = True) -> Embedder:
    """Loads a trained model.

    Args:
        model: A run folder (as written by ``compa fit`` or ``compa demo``) or an exported folder, a checkpoint, a
            folder with a CLAP checkpoint of transformers, ``hf:`` and such a folder or a hub id, or a ``.pt`` file of
            LAION-CLAP.
        pad: How a checkpoint of transformers or LAION fills up clips shorter than its window: ``repeatpad``,
            ``repeat`` or ``zeros``; None is the checkpoint's own setting.
        strict: Whether missing or unexpected weights are an error.

    Returns:
        An embedder with ``embed_audio``, ``embed_text`` and ``similarity``; ``preprocessing`` describes what is done
        to audio first.

    Raises:
        ValueError: If there is no such model, a file is damaged, or the tokenizer or features do not fit the model.
    """
    from compa.models.pretrained import load  # imports torch, which takes seconds: only when a model is needed

    return load(model, pad=pad, strict=strict)
