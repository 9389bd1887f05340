"""Finds models that cannot read or cannot hear: all texts, or all audios, of a task look the same to them.

Such a model still gets a score, and a table alone does not show that it was given inputs it could not use, as by a
missing tokenizer. `benchmarks.runner` puts these sentences into the result.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Scores

TEXTS_EMBEDDED_ALIKE = "the model gives all texts the same embedding: it cannot read them, so the scores mean nothing"
AUDIO_EMBEDDED_ALIKE = "the model gives all audio the same embedding: it cannot hear it, so the scores mean nothing"
TEXTS_SCORED_ALIKE = "the model gives all texts of an item the same score: it does not read them"
AUDIO_SCORED_ALIKE = "the model gives all audio of an item the same score: it does not hear it"
FINDINGS = (TEXTS_EMBEDDED_ALIKE, AUDIO_EMBEDDED_ALIKE, TEXTS_SCORED_ALIKE, AUDIO_SCORED_ALIKE)
"""All sentences that this module can return."""
EMBEDDING_TOLERANCE = 1e-3
"""Embeddings differ by less than this fraction where only rounding and padding differ, in half precision too."""
SCORE_TOLERANCE = 1e-6


def embedded_alike(audio_rows: NDArray[np.float32], text_rows: NDArray[np.float32]) -> list[str]:
    """Describes what an embedding model cannot tell apart.

    Args:
        audio_rows: (different audios, D).
        text_rows: (different texts, D).

    Example:
        >>> embedded_alike(np.eye(2), np.ones((3, 2))) == [TEXTS_EMBEDDED_ALIKE]
        True
    """
    sides = ((text_rows, TEXTS_EMBEDDED_ALIKE), (audio_rows, AUDIO_EMBEDDED_ALIKE))
    return [sentence for rows, sentence in sides if len(rows) > 1 and _is_alike(rows, EMBEDDING_TOLERANCE)]


def scored_alike(scores: Sequence[Scores]) -> list[str]:
    """Describes what any other scorer does not tell apart within items.

    Args:
        scores: One array (audios, texts) per item.

    Example:
        >>> scored_alike([np.array([[1.0, 1.0], [2.0, 2.0]])]) == [TEXTS_SCORED_ALIKE]
        True
    """
    arrays = [np.asarray(matrix, dtype=np.float64) for matrix in scores]
    sides = (([array.T for array in arrays], TEXTS_SCORED_ALIKE), (arrays, AUDIO_SCORED_ALIKE))
    found = []
    for matrices, sentence in sides:
        several = [matrix for matrix in matrices if len(matrix) > 1]
        if several and all(_is_alike(matrix, SCORE_TOLERANCE) for matrix in several):
            found.append(sentence)
    return found


def _is_alike(rows: NDArray[np.floating], tolerance: float) -> bool:
    """Whether all rows equal the first one, up to a fraction of the largest value."""
    return bool(np.abs(rows - rows[0]).max() <= tolerance * np.abs(rows).max())
