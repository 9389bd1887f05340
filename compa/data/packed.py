"""Packed clips for training: shards in, batches out, resumable at the exact clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np
import pytorch_lightning as pl
from pytorch_lightning.trainer.states import TrainerFn
from torch.utils.data import DataLoader

from compa.audio.features import AudioConfig
from compa.data.batch import Batch
from compa.data.examples import ExampleConfig
from compa.data.feature_cache import FeatureCache
from compa.data.loader import TrainingLoader, check_resumed, validation_loader
from compa.data.partition import partition_of
from compa.data.shards.reader import CACHE, ShardReader
from compa.data.stream import PackedBatches

NUM_TOKENISER_CLIPS = 20_000
BENCHMARK_SPLITS = ("test", "evaluation", "eval", "benchmark")


class PackedData(pl.LightningDataModule):
    """Training and validation on shards that `compa data pack` wrote.

    The order of clips depends on seed and epoch alone: ranks, workers and interruptions change nothing. Both loaders
    give whole batches; up to a batch of clips is left out of an epoch, other ones each time in training.

    Args:
        train: Folders of shards, local paths or fsspec addresses.
        validation: Folders of shards for validation; without any there is none. Those of a test split are refused:
            what chooses a model cannot measure it.
        weights: How much of training comes from each folder; with None every clip comes once an epoch.
        batch_size: Clips a batch over all ranks and accumulated steps.
        validation_batch_size: Clips a batch of the validation over all ranks; None is `batch_size`.
        sample_rate: That of the model's audio encoder, in Hz.
        clip_seconds: Longer clips are cut: at random in training, to the middle in validation.
        num_negatives: Hard negative captions of the manifest that are drawn for a clip, at most.
        num_positives: Further true texts of the manifest that are drawn for a clip, at most.
        num_workers: Processes that read and decode beside the training.
        cache: Where copies of remote shards go.
        cache_gigabytes: How much of each remote folder is copied at most; single clips are fetched of the rest.
        feature_cache: A folder that keeps the log-mel features of clips that are not cut, rounded to float16: later
            epochs and trainings with the same features decode nothing. None computes them in the model.
        seed: Decides the order, and what is drawn of each clip.
    """

    def __init__(
        self,
        train: Sequence[str],
        validation: Sequence[str] = (),
        weights: Sequence[float] | None = None,
        batch_size: int = 64,
        validation_batch_size: int | None = None,
        sample_rate: int = 16000,
        clip_seconds: float = 10.0,
        num_negatives: int = 0,
        num_positives: int = 0,
        num_workers: int = 0,
        cache: str = str(CACHE),
        cache_gigabytes: float = 50.0,
        feature_cache: str | None = None,
        seed: int = 0,
    ) -> None:
        super().__init__()
        if not train:
            raise ValueError("train names no folder of shards: give one or more")
        self.train = list(train)
        self.validation = list(validation)
        self.weights = weights
        self.batch_size = batch_size
        self.validation_batch_size = validation_batch_size or batch_size
        self.sample_rate = sample_rate
        self.draws = {
            is_training: ExampleConfig(sample_rate, clip_seconds, num_negatives, num_positives, is_training)
            for is_training in (True, False)
        }
        self.num_workers = num_workers
        self.cache = cache
        self.cache_bytes = round(cache_gigabytes * 1e9)
        self.feature_cache = feature_cache
        self.seed = seed

    @cached_property
    def readers(self) -> list[ShardReader]:
        """The training shards, opened on first use."""
        return self._open(self.train)

    def train_dataloader(self) -> TrainingLoader:
        """The batches of the present epoch, from where the training is."""
        batches = self._batches(self.readers, self.batch_size, is_training=True)
        return TrainingLoader(batches, len(batches), self.num_workers, self.trainer)

    def val_dataloader(self) -> DataLoader[Batch] | list[Any]:
        """The same batches in every validation."""
        if not self.validation:
            return []
        readers = self._open(self.validation)
        for reader in readers:
            _check_no_benchmark(reader)
        batches = self._batches(readers, self.validation_batch_size, is_training=False)
        return validation_loader(batches, self.num_workers)

    def training_texts(self) -> Iterator[str]:
        """Captions, positives and negatives of clips drawn from all sources: what a tokeniser is built from."""
        total = sum(map(len, self.readers))
        for number, reader in enumerate(self.readers):
            rows = np.random.default_rng([self.seed, number]).permutation(len(reader))
            for row in rows[: max(NUM_TOKENISER_CLIPS * len(reader) // total, 1)].tolist():
                clip = reader.read_clip(row)
                yield from clip.captions
                yield from (positive.text for positive in clip.positives)
                yield from (negative.text for negative in clip.negatives)

    def state_dict(self) -> dict[str, Any]:
        """The settings that determine the batches, for the checkpoint; the position follows from the trainer's step."""
        draw = self.draws[True]
        return {
            "shards": [reader.index.samples_sha256 for reader in self.readers],
            "weights": None if self.weights is None else list(self.weights),
            "batch_size": self.batch_size,
            "clip_seconds": draw.clip_seconds,
            "num_negatives": draw.num_negatives,
            "num_positives": draw.num_positives,
            "has_feature_cache": self.feature_cache is not None,
            "seed": self.seed,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Refuses to go on with other data than the checkpoint's."""
        if self.trainer and self.trainer.state.fn == TrainerFn.FITTING:
            check_resumed(state, self.state_dict())

    def _open(self, folders: Sequence[str]) -> list[ShardReader]:
        return [ShardReader(folder, self.cache, self.cache_bytes) for folder in folders]

    def _batches(self, readers: Sequence[ShardReader], batch_size: int, is_training: bool) -> PackedBatches:
        draw = self.draws[is_training]
        if self.feature_cache is not None and self.trainer is not None:
            config: AudioConfig | None = getattr(self.trainer.lightning_module, "log_mel_config", None)
            if config is None:
                raise ValueError("feature_cache keeps log-mel features, which this model does not read: leave it out")
            draw = replace(draw, cache=FeatureCache(self.feature_cache, config))
        return PackedBatches(
            readers,
            batch_size,
            draw,
            seed=self.seed,
            weights=self.weights if is_training else None,
            partition=partition_of(self.trainer, is_training),
        )


def _check_no_benchmark(reader: ShardReader) -> None:
    for row in range(len(reader)):
        clip = reader.read_clip(row)
        if clip.split is not None and clip.split.lower() in BENCHMARK_SPLITS:
            raise ValueError(
                f"validation {reader.folder} holds clips of the split {clip.split!r}, such as {clip.id!r}: a benchmark "
                "cannot choose the model that it measures, so pack and name a validation split"
            )
