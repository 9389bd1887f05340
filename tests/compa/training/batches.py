"""Small models and batches that training tests share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from compa.data.batch import Batch, Example, Text, collate
from compa.models.clap import CLAP
from compa.models.encoders.audio import ConvTransformer
from compa.models.encoders.text import CaptionTransformer
from compa.objectives import Objective
from compa.training.contrastive import ContrastiveTask

WORDS = ("dog", "rain", "horn", "siren", "drill", "bell")


def make_examples(num_clips: int, rng: np.random.Generator) -> list[Example]:
    """Clips of different lengths, with negatives and a positive each; two have the same caption."""

    def text() -> str:
        return " then ".join(rng.choice(WORDS, size=rng.integers(2, 6)))

    captions = ["rain then dog", "rain then dog", *(text() for _ in range(num_clips - 2))]
    return [
        Example(
            id=f"clip-{row}",
            waveform=0.1 * rng.standard_normal(rng.integers(2000, 6000), dtype=np.float32),
            caption=caption,
            extras=(
                Text(f"hear {caption}", is_positive=True),
                *(Text(f"no {text()}") for _ in range(2 if row % 3 else 1)),
            ),
        )
        for row, caption in enumerate(captions)
    ]


def in_double(examples: Sequence[Example]) -> Batch:
    """A batch whose waveforms are float64."""
    batch = collate(examples)
    return replace(batch, waveforms=batch.waveforms.double())


def make_task(
    objective: Objective | None = None, dropout: float = 0.0, chunk_size: int | None = None
) -> ContrastiveTask:
    """A tiny task in float64, always with the same weights."""
    torch.manual_seed(0)
    clap = CLAP(
        ConvTransformer(patch_channels=4, channels=8, width=16, dropout=dropout),
        CaptionTransformer(vocabulary_size=300, width=16, dropout=dropout),
        embedding_size=16,
    )
    clap.text_encoder.fit_tokenizer(WORDS)
    return ContrastiveTask(clap, objective=objective, chunk_size=chunk_size).double()


def gradients(task: ContrastiveTask) -> Mapping[str, Tensor]:
    """Those of all weights, by name."""
    return {name: weight.grad.clone() for name, weight in task.named_parameters() if weight.grad is not None}
