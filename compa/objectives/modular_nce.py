"""Contrast over captions of several granularities."""

from __future__ import annotations

from typing import Literal

import torch
from torch import nn

from compa.objectives.contrast import add_own, contrast, loss_of, mean_own
from compa.objectives.embeddings import Embeddings, Loss


class ModularNCE(nn.Module):
    """Contrast with several true captions a clip, and the clip's own hard negatives."""

    def __init__(self, positives: Literal["mean", "sum"] = "mean") -> None:
        super().__init__()
        if positives not in ("mean", "sum"):
            raise ValueError(f"positives is {positives!r}; it must be 'mean' or 'sum'")
        self.positives = positives

    def forward(self, embeddings: Embeddings) -> Loss:
        """Gives the loss of one batch."""
        c, owner, is_positive = contrast(embeddings, query_positives=True), embeddings.owner, embeddings.is_positive
        if self.positives == "mean":
            true = mean_own(c.own, c.extras, owner, is_positive)
        else:
            true = add_own(c.own, torch.where(is_positive, c.extras, -torch.inf), owner)
        audio_to_text = add_own(c.rows, c.extras, owner) - true
        queries = torch.zeros_like(c.extras).masked_scatter(is_positive, c.positive_columns) - c.extras
        return loss_of(audio_to_text, mean_own(c.columns - c.own, queries, owner, is_positive))
