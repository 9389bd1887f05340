"""Packed clips as batches by number: the same for any number of ranks, workers and interruptions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from torch.utils.data import Dataset

from compa.data.batch import Batch, collate
from compa.data.examples import ExampleConfig, make_example
from compa.data.order import Order
from compa.data.partition import WHOLE, BatchPartition
from compa.data.shards.reader import ShardReader


class PackedBatches(Dataset[Batch]):
    """Batches of packed clips, by number; numbers go on from one epoch to the next.

    A batch of all ranks is fixed by the seed and its number. It is cut into equal slices, one for each rank and each
    of the steps whose gradients are accumulated; element i is slice `i % num_steps` of batch `i // num_steps`. Workers
    make whole elements, so their number changes nothing. What is drawn of a clip depends on seed, batch and clip alone.

    Args:
        sources: The shards.
        batch_size: Clips a batch over all ranks and accumulated steps.
        draw: What is taken of each clip.
        seed: Two sets of the same seed are the same.
        weights: How much comes from each source; with None every clip comes once an epoch.
        partition: Which part of every batch this is.
    """

    def __init__(
        self,
        sources: Sequence[ShardReader],
        batch_size: int,
        draw: ExampleConfig,
        seed: int = 0,
        weights: Sequence[float] | None = None,
        partition: BatchPartition = WHOLE,
    ) -> None:
        self.sources = sources
        self.order = Order([source.samples["twin"] for source in sources], batch_size, seed, weights)
        self.draw = draw
        self.seed = seed
        self.partition = partition
        partition.check(batch_size, self.order.has_twins)

    def __len__(self) -> int:
        """How many elements an epoch has; higher numbers belong to the next epochs."""
        return self.order.num_batches * self.partition.num_steps

    def __getitem__(self, index: int) -> Batch:
        """Reads, decodes and collates this rank's slice of a batch."""
        number, step = divmod(index, self.partition.num_steps)
        sources, rows = self.order.batch(number)
        own = self.partition.slice_for(len(rows), step)
        examples = []
        for source, row in zip(sources[own].tolist(), rows[own].tolist(), strict=True):
            clip, sound = self.sources[source].read(row)
            rng = np.random.default_rng([self.seed, number, source, row])
            examples.append(make_example(clip, sound, self.draw, rng))
        return collate(examples)
