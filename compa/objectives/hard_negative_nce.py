"""Contrast with hard negatives that only their own clip is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import ragged
from compa.objectives.kernels.normalizers import LossTerms
from compa.objectives.objective import Objective


class HardNegativeNCE(Objective):
    """InfoNCE whose audio→text direction has each clip's own hard negatives as further columns.

    With `s_ij = scale * <audio_i, caption_j>` and `z_m = scale * <audio_i, extra_m>`, for every clip i and its own hard
    negatives N(i)

        audio→text:  -log( exp(s_ii) / (sum_j exp(s_ij) + sum_{m in N(i)} exp(z_m)) )
        text→audio:  -log( exp(s_ii) / sum_j exp(s_ji) )

    A hard negative of another clip is absent: it adds no term, no gradient, and no bytes between ranks. Known true
    pairs are left out of the sums over j. Extras that are positives are ignored.

    Inputs: `audio` and `captions` `(B, D)`, `extras` `(M, D)` with `owner` and `is_positive` `(M,)`, `scale` `()`,
    `known_true` `(B + M, G)` or None.

    Relation to the others: `InfoNCE`, to the last bit, without hard negatives; the audio→text denominator of
    `ModularNCE` without its positives.

    Paper: contrastive training with compositionally aware hard negatives, CompA (ICLR 2024), second stage. The code
    released with it gives other clips' negatives a large logit instead of none; this follows the formula.
    """

    def losses(self, embeddings: Embeddings, terms: LossTerms) -> tuple[Tensor, Tensor]:
        """Computes the loss of every clip, audio→text and text→audio: `(B,)` each."""
        negatives = torch.where(embeddings.is_positive, -torch.inf, terms.extra_logits)
        normalizers = ragged.logsumexp(terms.clip_normalizers, negatives, embeddings.owner)
        audio_to_text = normalizers - terms.caption_logits
        text_to_audio = terms.caption_normalizers - terms.caption_logits
        return audio_to_text, text_to_audio
