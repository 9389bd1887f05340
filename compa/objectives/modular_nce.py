"""Contrast with several true captions a clip, of several granularities."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels import ragged as own
from compa.objectives.kernels.normalizers import Contrast
from compa.objectives.objective import Objective


class ModularNCE(Objective):
    """Contrast in which a clip has several true captions, and its own hard negatives.

    With `s_ij = scale * <audio_i, caption_j>`, `z_m = scale * <audio_i, extra_m>` for extra m of clip i,
    positives P(i) and hard negatives N(i) of clip i, the true logits `T(i) = {s_ii} + {z_m, m in P(i)}` and

        Z_i = sum_j exp(s_ij) + sum_{m in P(i)} exp(z_m) + sum_{m in N(i)} exp(z_m)

    for every clip i

        audio→text, positives="mean":  mean over t in T(i) of -log( exp(t) / Z_i )
        audio→text, positives="sum":   -log( sum over t in T(i) of exp(t) / Z_i )
        audio→text, positives="queries":  -log( exp(s_ii) / (Z_i without its positives) )
        text→audio:  mean over its 1 + |P(i)| true captions c of -log( exp(s_ci) / sum_g exp(s_cg) ), over
        all clips g

    Known true pairs are left out of the sums over j and g. "mean" can't fall below `log(1 + |P(i)|)`, since
    the true captions compete with each other, and at its best every sound's name is as near to the clip as its
    full caption; "sum" can reach 0, but a caption's easiest part may do all the work. With "queries"
    positives compete with no text: each only has to find its clip.

    Inputs: `audio` and `captions` `(B, D)`, `extras` `(M, D)` with `owner` and `is_positive` `(M,)`,
    `scale` `()`, `known_true` `(B + M, G)` or None.

    Relation to the others: `InfoNCE` without extras, for any kind of positives; with hard negatives only it
    is `HardNegativeNCE`, whose audio→text "queries" keeps with positives, too.

    Paper: modular contrastive learning, CompA (ICLR 2024), third stage ("mean"); the others are ours.
    """

    queries_positives: ClassVar[bool] = True

    def __init__(
        self,
        positives: Literal["mean", "sum", "queries"] = "mean",
        *,
        check_values: Literal["first", "always", "never"] = "first",
    ) -> None:
        super().__init__(check_values=check_values)
        if positives not in ("mean", "sum", "queries"):
            raise ValueError(f"positives is {positives!r}; it needs to be 'mean', 'sum' or 'queries'")
        self.positives = positives

    def losses(self, embeddings: Embeddings, contrast: Contrast) -> tuple[Tensor, Tensor]:
        """Gives the loss of every clip, audio→text and text→audio: `(B,)` each."""
        owner, is_positive = embeddings.owner, embeddings.is_positive
        captions, extras = contrast.caption_logits, contrast.extra_logits
        true, columns = captions, extras
        if self.positives == "mean":
            true = own.mean(captions, extras, owner, is_positive)
        elif self.positives == "sum":
            true = own.log_add(captions, torch.where(is_positive, extras, -torch.inf), owner)
        else:
            columns = torch.where(is_positive, -torch.inf, extras)
        audio_to_text = own.log_add(contrast.clip_normalisers, columns, owner) - true
        text_to_audio = own.mean(
            contrast.caption_normalisers - captions, contrast.extra_normalisers - extras, owner, is_positive
        )
        return audio_to_text, text_to_audio
