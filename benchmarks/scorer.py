"""What a task sees of a model: a `Scorer`, which says how well texts fit audios."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tqdm import tqdm

from benchmarks.heldout import run_folder
from benchmarks.names import did_you_mean, unknown

Audio: TypeAlias = Path | tuple[NDArray[np.float32], int]
"""A file, or a mono waveform with its sample rate."""
Group: TypeAlias = tuple[Sequence[Audio], Sequence[str]]
"""Audios and texts of which every pair is to be scored."""
Scores: TypeAlias = NDArray[np.float64]
Key = TypeVar("Key", bound=Hashable)
Thing = TypeVar("Thing")

CONTROL = "control:"


class Scorer(Protocol):
    """Anything that can say how well texts fit audios: an embedding model, a generative one, a rule."""

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group, all groups in one call.

        Args:
            groups: Audios and texts; a pair item is one group of 2 and 2, retrieval is one group of all.

        Returns:
            One array of shape (audios, texts) a group; higher is better.
        """
        ...


class Embeds(Protocol):
    """A model with one embedding space for both, as `compa.load` gives it."""

    def embed_audio(self, audio: Sequence[Audio], /) -> ArrayLike:
        """Embeds audios as the rows of an array (audios, dimensions)."""
        ...

    def embed_text(self, texts: Sequence[str], /) -> ArrayLike:
        """Embeds texts as the rows of an array (texts, dimensions)."""
        ...


class EmbeddingScorer:
    """Scores by the inner product of embeddings; embeds every different audio and text once.

    Args:
        model: What embeds; unit rows make the scores cosines.
        batch_size: How many audios or texts the model gets at a time.
    """

    def __init__(self, model: Embeds, batch_size: int = 64) -> None:
        self.model = model
        self.batch_size = batch_size

    def score(self, groups: Sequence[Group]) -> list[Scores]:
        """Scores every audio with every text of its group; see `Scorer`."""
        audio_keys = [[_audio_key(audio) for audio in audios] for audios, _ in groups]
        audios = dict(_pairs(audio_keys, (audios for audios, _ in groups)))
        texts = {text: text for _, texts in groups for text in texts}
        audio_rows, audio_embeddings = self._embed("audio", self.model.embed_audio, audios)
        text_rows, text_embeddings = self._embed("text", self.model.embed_text, texts)
        # No matrix product: BLAS may round equal inner products differently by their place, which hides ties.
        return [
            np.einsum(
                "ad,td->at",
                audio_embeddings[[audio_rows[key] for key in keys]],
                text_embeddings[[text_rows[text] for text in group_texts]],
            )
            for keys, (_, group_texts) in zip(audio_keys, groups, strict=True)
        ]

    def _embed(
        self, what: str, embed: Callable[[Sequence[Any]], ArrayLike], things: dict[Key, Thing]
    ) -> tuple[dict[Key, int], Scores]:
        """The row of each key, and the embeddings (things, dimensions)."""
        unique = list(things.values())
        starts = range(0, len(unique), self.batch_size)
        rows = []
        for start in tqdm(starts, desc=f"Embedding {what}", unit="batch", leave=False, disable=None):
            batch = unique[start : start + self.batch_size]
            embedded = np.asarray(embed(batch), dtype=np.float64)
            if embedded.ndim != 2 or len(embedded) != len(batch):
                raise ValueError(
                    f"the model embedded {len(batch)} x {what} in the shape {embedded.shape}: one row each"
                )
            rows.append(embedded)
        return {key: row for row, key in enumerate(things)}, np.concatenate(rows) if rows else np.empty((0, 0))


def open_scorer(name: str, seed: int = 0) -> Scorer:
    """Opens a model by the name that a user gives it.

    Args:
        name: A run folder or one of its checkpoints, or `control:<name>`.
        seed: Of the controls that draw.

    Raises:
        ValueError: If there is no such model; names the legal ones.
    """
    from benchmarks.controls import CONTROLS

    if name.startswith(CONTROL):
        control = name.removeprefix(CONTROL)
        if control not in CONTROLS:
            raise unknown("model", name, (CONTROL + known for known in CONTROLS))
        return CONTROLS[control](seed)
    path = Path(name)
    if not path.exists():
        controls = [CONTROL + known for known in CONTROLS]
        beside = [str(other) for other in path.parent.iterdir()] if path.parent.is_dir() else []
        raise ValueError(
            f"there is no model {name!r}{did_you_mean(name, controls + beside)} "
            f"(a run folder, one of its checkpoints, or {', '.join(controls)})"
        )
    import compa

    return EmbeddingScorer(compa.load(name))


def model_name(name: str) -> str:
    """What a model is called in results: never a path.

    Args:
        name: As given to `open_scorer`.

    Returns:
        A run folder's own name, `<run folder's name>@<checkpoint>` of a checkpoint file, or `control:<name>`.

    Example:
        >>> model_name("control:random")
        'control:random'
    """
    if name.startswith(CONTROL):
        return name
    path = Path(name).resolve()
    return f"{run_folder(path).name}@{path.stem}" if path.is_file() else path.name


def checked(scores: Sequence[ArrayLike], groups: Sequence[Group], model: str, items: Sequence[str]) -> list[Scores]:
    """Makes sure that a scorer gave one finite number for every pair.

    Args:
        scores: What the scorer returned.
        groups: What it was asked.
        model: Its name, for the error.
        items: The name of each group, for the error.

    Raises:
        ValueError: Names the model, the item and what is wrong with its scores.
    """
    if len(scores) != len(groups):
        raise ValueError(f"model {model!r} scored {len(scores)} items instead of {len(groups)}: one array an item")
    matrices = []
    for matrix, (audios, texts), item in zip(scores, groups, items, strict=True):
        try:
            array = np.asarray(matrix, dtype=np.float64)
        except (TypeError, ValueError):
            raise ValueError(f"model {model!r} gave item {item!r} scores that are no numbers: {matrix!r}") from None
        if array.shape != (len(audios), len(texts)):
            wanted = f"{(len(audios), len(texts))} (audios, texts)"
            raise ValueError(f"model {model!r} gave item {item!r} scores of shape {array.shape}, not {wanted}")
        if not np.isfinite(array).all():
            raise ValueError(f"model {model!r} gave item {item!r} scores that are not finite: {array.tolist()}")
        matrices.append(array)
    return matrices


def _audio_key(audio: Audio) -> Hashable:
    """Equal for equal content, so that audio which several items share is embedded once."""
    if isinstance(audio, Path):
        return str(audio)
    waveform, sample_rate = audio
    return (
        hashlib.blake2b(np.ascontiguousarray(waveform).data, digest_size=16).digest(),
        waveform.shape,
        sample_rate,
    )


def _pairs(keys: Iterable[Iterable[Key]], things: Iterable[Iterable[Thing]]) -> Iterable[tuple[Key, Thing]]:
    for some_keys, some_things in zip(keys, things, strict=True):
        yield from zip(some_keys, some_things, strict=True)
