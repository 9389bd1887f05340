"""compa's models in MTEB's audio tasks, and MTEB's audio models in our tasks (`--model mteb:NAME`).

    import mteb
    from benchmarks.models.mteb import CompaEncoder

    mteb.evaluate(CompaEncoder("runs/mine"), mteb.get_tasks(modalities=["audio"]))

Requires the extra `mteb`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.items import Audio
from benchmarks.models.embedding import EmbeddingScorer
from benchmarks.models.names import MTEB, model_name
from benchmarks.models.options import ModelOptions, Uses, check_devices
from benchmarks.scorer import Scorer

try:
    import mteb
    from mteb.abstasks.task_metadata import TaskMetadata
    from mteb.models.abs_encoder import AbsEncoder
    from mteb.models.model_meta import ModelMeta
    from mteb.types import PromptType
except ImportError as error:
    raise ValueError(f"MTEB is not installed ({error}): pip install 'compa[mteb]'") from None

import torch
from torch.utils.data import DataLoader, Dataset

from compa.audio.decode import read_audio
from compa.models.pretrained import load

SAMPLE_RATE = 48_000
"""The rate in Hz at which MTEB's models get audio; they resample it to their own."""
_ASKED = TaskMetadata(
    name="compa",
    description="Which text is true of which audio.",
    type="Any2AnyRetrieval",
    modalities=["audio", "text"],
    eval_langs=["eng-Latn"],
    main_score="group",
    dataset={"path": "compa", "revision": "1"},
)

Rows = NDArray[np.float32]


def open_model(name: str, options: ModelOptions) -> Uses:
    """Loads a copy of an MTEB model per device."""
    check_devices(options.devices)
    models = [MTEBEmbedder(name.removeprefix(MTEB), device) for device in options.devices or (None,)]
    return {Scorer: lambda: EmbeddingScorer(models, cache=options.cache)}


class CompaEncoder(AbsEncoder):  # type: ignore[misc]
    """A model of compa with MTEB's interface; an input with audio and text gets the sum of both embeddings.

    Args:
        model: A run folder, a checkpoint, or `hf:<name>`.
        revision: Shown by MTEB; by default the fingerprint of the weights.
        device: Where to run it; by default a GPU where there is one.
    """

    def __init__(self, model: str, revision: str | None = None, device: str | None = None, **_: Any) -> None:
        self.model = load(model, device)
        self.mteb_model_meta = ModelMeta.create_empty(
            {
                "name": f"compa/{model_name(model).replace('/', '__')}",
                "revision": revision or self.model.fingerprint,
                "modalities": ["audio", "text"],
                "similarity_fn_name": "cosine",
                "languages": ["eng-Latn"],
            }
        )

    def similarity(self, embeddings1: Any, embeddings2: Any) -> torch.Tensor:
        """Cosine similarities (rows, other rows); MTEB's own method would call `model`."""
        return torch.as_tensor(np.asarray(embeddings1) @ np.asarray(embeddings2).T)

    def encode(self, inputs: DataLoader[Any], **_: Any) -> Rows:
        """Embeds batches of `audio` (arrays with rates), `text`, or both, as unit rows (inputs, D)."""
        return np.concatenate([self._embedded(batch) for batch in inputs])

    def _embedded(self, batch: Mapping[str, Any]) -> Rows:
        parts = []
        if "audio" in batch:
            parts.append(self.model.embed_audio([_waveform(audio) for audio in batch["audio"]]))
        if "text" in batch:
            parts.append(self.model.embed_text(list(batch["text"])))
        if not parts:
            raise ValueError(f"a batch must have audio or text; got {', '.join(batch)}")
        total = np.sum([np.asarray(part, dtype=np.float32) for part in parts], axis=0)
        return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12), dtype=np.float32)


class MTEBEmbedder:
    """A model of MTEB with the interface of `Embeds`: texts are its queries, audios its documents.

    Args:
        model: Its name in MTEB, or the model.
        device: Where to run a model given by name; by default MTEB decides.
    """

    sample_rate = SAMPLE_RATE

    def __init__(self, model: Any, device: str | None = None) -> None:
        where = {"device": device} if device else {}
        self.model = mteb.get_model(model, **where) if isinstance(model, str) else model
        meta = self.model.mteb_model_meta
        is_known = meta is not None and meta.name and meta.revision
        self.fingerprint = f"mteb {version('mteb')}: {meta.name} {meta.revision}" if is_known else None

    def embed_audio(self, audio: Sequence[Audio]) -> Rows:
        """Embeds audios as unit rows."""
        sounds = [(read_audio(one, SAMPLE_RATE), SAMPLE_RATE) if isinstance(one, Path) else one for one in audio]
        items = [{"audio": {"array": waveform, "sampling_rate": rate}} for waveform, rate in sounds]
        return self._encode(items, PromptType.document)

    def embed_text(self, texts: Sequence[str]) -> Rows:
        """Embeds texts as unit rows."""
        return self._encode([{"text": text} for text in texts], PromptType.query)

    def _encode(self, items: Sequence[Mapping[str, Any]], role: PromptType) -> Rows:
        loader = DataLoader(_Items(items), batch_size=len(items), collate_fn=_collated)
        rows = self.model.encode(
            loader,
            task_metadata=_ASKED,
            hf_split="test",
            hf_subset="default",
            prompt_type=role,
            show_progress_bar=False,
        )
        array = np.asarray(torch.as_tensor(rows).float().cpu(), dtype=np.float32)
        return np.asarray(array / np.maximum(np.linalg.norm(array, axis=1, keepdims=True), 1e-12), dtype=np.float32)


class _Items(Dataset[Mapping[str, Any]]):
    """A data set with what MTEB's models read of one: column names and rows."""

    def __init__(self, items: Sequence[Mapping[str, Any]]) -> None:
        self._items = items
        self.column_names = list(items[0])
        self.features = dict.fromkeys(self.column_names)

    def __len__(self) -> int:
        return len(self._items)

    def __getitem__(self, row: int) -> Mapping[str, Any]:
        return dict(self._items[row])

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        return iter(self._items)


def _collated(rows: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    return {key: [row[key] for row in rows] for key in rows[0]}


def _waveform(audio: Any) -> tuple[NDArray[np.float32], int]:
    """An audio as MTEB passes it: a mapping of samples and their rate."""
    samples = np.asarray(audio["array"], dtype=np.float32)
    if samples.ndim > 1:
        samples = samples.mean(axis=int(np.argmin(samples.shape)))
    return samples, int(audio["sampling_rate"])
