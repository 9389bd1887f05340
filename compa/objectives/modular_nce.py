"""Contrast with several true captions per clip, of several granularities."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import ragged
from compa.objectives.kernels.normalizers import LossTerms
from compa.objectives.objective import Objective


class ModularNCE(Objective):
    """Contrast in which a clip has several true captions, and its own hard negatives.

    With `s_ij = scale * <audio_i, caption_j>`, `z_m = scale * <audio_i, extra_m>` for extra m of clip i, positives P(i)
    and hard negatives N(i) of clip i, the true logits `T(i) = {s_ii} + {z_m, m in P(i)}` and

        Z_i = sum_j exp(s_ij) + sum_{m in P(i)} exp(z_m) + sum_{m in N(i)} exp(z_m)

    for every clip i

        audio→text, positives="mean":     mean over t in T(i) of -log( exp(t) / Z_i )
        audio→text, positives="sum":      -log( sum over t in T(i) of exp(t) / Z_i )
        audio→text, positives="queries":  -log( exp(s_ii) / (Z_i without its positives) )
        text→audio:  mean over its 1 + |P(i)| true captions c of -log( exp(s_ci) / sum_g exp(s_cg) ), over all clips g

    Known true pairs are left out of the sums over j and g. With "mean" the true captions compete with each other: the
    loss cannot fall below `log(1 + |P(i)|)`, and at its minimum the name of every single sound is as near to the clip
    as its full caption. "sum" can reach 0, but the easiest part of a caption may do all the work. With "queries"
    positives compete with no text: each only has to find its clip.

    Inputs: `audio` and `captions` `(B, D)`, `extras` `(M, D)` with `owner` and `is_positive` `(M,)`, `scale` `()`,
    `known_true` `(B + M, G)` or None.

    Relation to the others: `InfoNCE` without extras, for any value of `positives`; `HardNegativeNCE` with hard
    negatives only, and with "queries" its audio→text direction for any extras.

    Paper: modular contrastive learning, CompA (ICLR 2024), third stage ("mean"); the other two are additions.

    Args:
        positives: What positives do in the audio→text direction: `mean`, `sum` or `queries`.
    """

    queries_positives: ClassVar[bool] = True

    def __init__(self, positives: Literal["mean", "sum", "queries"] = "mean") -> None:
        super().__init__()
        if positives not in ("mean", "sum", "queries"):
            raise ValueError(f"positives must be one of 'mean', 'sum', 'queries'; got {positives!r}")
        self.positives = positives

    def losses(self, embeddings: Embeddings, terms: LossTerms) -> tuple[Tensor, Tensor]:
        """Computes the loss of every clip, audio→text and text→audio: `(B,)` each."""
        owner, is_positive = embeddings.owner, embeddings.is_positive
        captions, extras = terms.caption_logits, terms.extra_logits
        true, columns = captions, extras
        if self.positives == "mean":
            true = ragged.mean(captions, extras, owner, is_positive)
        elif self.positives == "sum":
            true = ragged.logsumexp(captions, torch.where(is_positive, extras, -torch.inf), owner)
        else:
            columns = torch.where(is_positive, -torch.inf, extras)
        audio_to_text = ragged.logsumexp(terms.clip_normalizers, columns, owner) - true
        text_to_audio = ragged.mean(
            terms.caption_normalizers - captions, terms.extra_normalizers - extras, owner, is_positive
        )
        return audio_to_text, text_to_audio
