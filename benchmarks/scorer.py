"""What a task requires of a model, as protocols: a `Scorer` compares audio and text, `AudioFrames` embeds audio only.

A task names its protocol as `needs_model`; `benchmarks.models.open` opens a model by name as that protocol.
"""

from __future__ import annotations

import reprlib
from collections.abc import Sequence
from textwrap import shorten
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchmarks.items import Audio, Group, Item, Scores

__all__ = ["Audio", "AudioFrames", "Group", "NeedsItems", "Scorer", "Scores", "checked"]


@runtime_checkable
class Scorer(Protocol):
    """Says how well texts match audio: an embedding model, a generative model, or a rule."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group.

        Args:
            groups: All items of a task, in one call: a pair item is a group of 2 audios and 2 texts, retrieval is one
                group of all clips and texts.

        Returns:
            One array of shape (audios, texts) per group; higher is a better match.
        """
        ...


@runtime_checkable
class AudioFrames(Protocol):
    """Embeds audio as a sequence of frames at every layer, without a text side: for probing and fine-tuning tasks."""

    @property
    def num_layers(self) -> int:
        """Number of layers that `frames` returns."""
        ...

    @property
    def frame_seconds(self) -> float:
        """Time between the starts of two frames, in seconds."""
        ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same audio would be embedded differently."""
        ...

    def frames(self, audio: Sequence[Audio]) -> list[NDArray[np.float32]]:
        """Embeds audios deterministically; an audio's frames do not depend on the others in the call.

        Returns:
            One array of shape (layers, T', D) per audio; T' follows from the audio's length.
        """
        ...


@runtime_checkable
class NeedsItems(Protocol):
    """A control whose rule needs to know the items. The runner prepares controls only, never a model."""

    def prepare(self, items: Sequence[Item]) -> None:
        """Receives the items of a task before `score` is called with them."""
        ...


def checked(scores: Sequence[ArrayLike], groups: Sequence[Group], model: str, items: Sequence[str]) -> list[Scores]:
    """Checks that a scorer returned one finite number for every pair.

    Args:
        scores: What the scorer returned.
        groups: What it was given.
        model: Its name, for the error.
        items: The name of each group, for the error.

    Raises:
        ValueError: Names the model, the item and what is wrong with its scores.
    """
    if not isinstance(scores, Sequence | np.ndarray):
        raise ValueError(f"model {model!r} must return a list of one array per item; got a {type(scores).__name__}")
    if len(scores) != len(groups):
        raise ValueError(f"model {model!r} must return one array per item: got {len(scores)} for {len(groups)} items")
    matrices = []
    for matrix, (audios, texts), item in zip(scores, groups, items, strict=True):
        try:
            array = np.asarray(matrix)
            array = array.astype(np.float64, casting="unsafe" if array.dtype == object else "same_kind")
        except (TypeError, ValueError) as error:
            reason = shorten(str(error), 200)
            raise ValueError(f"model {model!r}, item {item!r}: the scores are not real numbers ({reason})") from None
        expected = (len(audios), len(texts))
        if array.shape != expected:
            raise ValueError(
                f"model {model!r}, item {item!r}: scores must have the shape {expected} (audios, texts); "
                f"got {array.shape}"
            )
        if not np.isfinite(array).all():
            bad = np.argwhere(~np.isfinite(array))
            row, column = bad[0].tolist()
            raise ValueError(
                f"model {model!r}, item {item!r}: scores must be finite; {len(bad)} of {array.size} are not, the first "
                f"is {array[row, column]} for audio {row + 1} of {len(audios)} and {reprlib.repr(texts[column])}"
            )
        matrices.append(array)
    return matrices
