"""Which texts of this rank are true of which clips of all ranks: `Embeddings.known_true`, from small keys.

Called before the objective, with `across_ranks=objective.spans_ranks`; where that is so, every rank has to.
What travels is what is known of the clips, never a text's embedding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from compa.objectives import ranks

Text = TypeVar("Text", bound=Hashable)
Clip = TypeVar("Clip")


def judge_pairs(
    texts: Sequence[Text], clips: Sequence[Clip], is_true: Callable[[Text, Clip], bool], *, across_ranks: bool
) -> Tensor:
    """Judges every text of this rank against every clip; equal texts are judged once.

    Args:
        texts: What is to be judged: the B captions, then the M extras, as claims or strings.
        clips: What is known of each of the B clips, small and picklable: events, other true texts.
        is_true: Whether a text is known to be true of a clip.
        across_ranks: Whether the clips are those of all ranks.

    Returns:
        `(B + M, G)` bool on the CPU.
    """
    everyone = ranks.gather_objects(clips) if across_ranks else list(clips)
    verdicts = {text: [is_true(text, clip) for clip in everyone] for text in dict.fromkeys(texts)}
    return torch.tensor([verdicts[text] for text in texts], dtype=torch.bool).view(len(texts), len(everyone))


def match_keys(text_keys: Tensor, clip_keys: Tensor, owner: Tensor, num_clips: int, *, across_ranks: bool) -> Tensor:
    """Finds every text among the keys that are true of every clip; for large batches.

    Args:
        text_keys: `(B + M,)` int64, a key for each caption, then each extra: a hash of its claim or text.
        clip_keys: `(K,)` int64, the keys of all that is true of this rank's clips.
        owner: `(K,)` int64, the clip of this rank that each of them is true of.
        num_clips: B.
        across_ranks: Whether the clips are those of all ranks.

    Returns:
        `(B + M, G)` bool on the device of `text_keys`.
    """
    share = (num_clips, clip_keys.cpu(), owner.cpu())
    shares = ranks.gather_objects([share]) if across_ranks else [share]
    starts = torch.tensor([0] + [count for count, _, _ in shares]).cumsum(0)
    clips = torch.cat([own + start for (_, _, own), start in zip(shares, starts, strict=False)])
    keys = torch.cat([keys for _, keys, _ in shares])
    wanted, of_text = torch.unique(text_keys.cpu(), return_inverse=True)
    place = torch.searchsorted(wanted, keys).clamp(max=len(wanted) - 1)
    is_wanted = wanted[place] == keys
    of_key = torch.zeros(len(wanted), int(starts[-1]), dtype=torch.bool)
    of_key[place[is_wanted], clips[is_wanted]] = True
    return of_key[of_text].to(text_keys.device)
