"""Plain contrast: every clip with all captions, every caption with all clips."""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor

from compa.objectives.embeddings import Embeddings
from compa.objectives.kernels.normalizers import LossTerms
from compa.objectives.objective import Objective


class InfoNCE(Objective):
    """The mean of audio→text and text→audio cross entropy over the batch; extras are ignored.

    With `s_ij = scale * <audio_i, caption_j>`, for every clip i

        audio→text:  -log( exp(s_ii) / sum_j exp(s_ij) )
        text→audio:  -log( exp(s_ii) / sum_j exp(s_ji) )

    Pairs that are known to be true are left out of both sums.

    Inputs: `audio` and `captions` `(B, D)`, `scale` `()`, `known_true` `(B + M, G)` or None.

    Relation to the others: what `HardNegativeNCE` and `ModularNCE` become without extras; the loss of CLIP and CLAP
    except for the known true pairs.

    Paper: the contrastive loss of CLAP that CompA starts from (van den Oord et al. 2018; CompA, ICLR 2024, first
    stage).
    """

    uses_extras: ClassVar[bool] = False

    def losses(self, _: Embeddings, terms: LossTerms) -> tuple[Tensor, Tensor]:
        """Computes the loss of every clip, audio→text and text→audio: `(B,)` each."""
        audio_to_text = terms.clip_normalizers - terms.caption_logits
        text_to_audio = terms.caption_normalizers - terms.caption_logits
        return audio_to_text, text_to_audio
