"""Plain contrast."""

from __future__ import annotations

from torch import nn

from compa.objectives.contrast import contrast, loss_of
from compa.objectives.embeddings import Embeddings, Loss


class InfoNCE(nn.Module):
    """The mean of audio→text and text→audio cross entropy; extras are ignored."""

    def forward(self, embeddings: Embeddings) -> Loss:
        """Gives the loss of one batch."""
        c = contrast(embeddings)
        return loss_of(c.rows - c.own, c.columns - c.own)
