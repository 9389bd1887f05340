"""Which texts of this rank are true of which clips of all ranks: `Embeddings.known_true`.

Called before the objective, with `across_ranks=objective.spans_ranks`; if that is true, on every rank. Only what is
known of the clips is exchanged, never a text's embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from compa.objectives.kernels import distributed

Text = TypeVar("Text", bound=Hashable)
Clip = TypeVar("Clip")


def judge_pairs(
    texts: Sequence[Text], clips: Sequence[Clip], is_true: Callable[[Text, Clip], bool], *, across_ranks: bool
) -> Tensor:
    """Judges every text of this rank against every clip; equal texts are judged once.

    Args:
        texts: The B captions, then the M extras, as claims or strings.
        clips: What is known of each of the B clips, small and picklable: events, other true texts.
        is_true: Whether a text is known to be true of a clip.
        across_ranks: Whether the clips are those of all ranks.

    Returns:
        `(B + M, G)` bool on the CPU.
    """
    all_clips = distributed.all_gather_objects(clips) if across_ranks else list(clips)
    verdicts = {text: [is_true(text, clip) for clip in all_clips] for text in dict.fromkeys(texts)}
    return torch.tensor([verdicts[text] for text in texts], dtype=torch.bool).view(len(texts), len(all_clips))
