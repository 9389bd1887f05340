"""Contrast with hard negatives that only their own clip sees."""

from __future__ import annotations

import torch
from torch import nn

from compa.objectives.contrast import add_own, contrast, loss_of
from compa.objectives.embeddings import Embeddings, Loss


class HardNegativeNCE(nn.Module):
    """InfoNCE whose audio→text direction also has each clip's own hard negatives as columns."""

    def forward(self, embeddings: Embeddings) -> Loss:
        """Gives the loss of one batch."""
        c = contrast(embeddings)
        negatives = torch.where(embeddings.is_positive, -torch.inf, c.extras)
        return loss_of(add_own(c.rows, negatives, embeddings.owner) - c.own, c.columns - c.own)
