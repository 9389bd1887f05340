"""The three objectives as nested loops in float64, written from their formulas, sharing no code with them."""

from __future__ import annotations

import torch
from torch import Tensor

from compa.objectives import Embeddings


def oracle_loss(name: str, embeddings: Embeddings) -> tuple[Tensor, Tensor]:
    """The losses of the two directions, audio→text and text→audio.

    Args:
        name: `info`, `hard`, or `mean`, `sum` or `queries` of the modular loss.
        embeddings: A whole batch, in one process.
    """
    e = embeddings
    audio, captions, extras, scale = (
        e.audio.double(),
        e.captions.double(),
        e.extras.double(),
        e.scale.double(),
    )
    num_clips, num_extras = len(audio), len(extras)

    def logit(clip: int, text: Tensor) -> Tensor:
        return scale * sum((audio[clip, d] * text[d] for d in range(audio.shape[1])), torch.zeros(()).double())

    def is_hidden(text: int, text_clip: int, clip: int) -> bool:
        return e.known_true is not None and text_clip != clip and bool(e.known_true[text, clip])

    def log_sum(logits: list[Tensor]) -> Tensor:
        return sum((value.exp() for value in logits), torch.zeros(()).double()).log()

    audio_to_text, text_to_audio = [], []
    for clip in range(num_clips):
        own = [m for m in range(num_extras) if int(e.owner[m]) == clip]
        positives = [m for m in own if bool(e.is_positive[m])] if name in ("mean", "sum", "queries") else []
        negatives = [m for m in own if not bool(e.is_positive[m])] if name != "info" else []
        columns = [logit(clip, captions[j]) for j in range(num_clips) if not is_hidden(j, j, clip)]
        competing = [] if name == "queries" else positives
        columns += [logit(clip, extras[m]) for m in competing + negatives]
        true = [logit(clip, captions[clip])] + [logit(clip, extras[m]) for m in competing]
        if name == "sum":
            audio_to_text.append(log_sum(columns) - log_sum(true))
        else:
            audio_to_text.append(sum((log_sum(columns) - value for value in true), torch.zeros(())) / len(true))
        queries = [(clip, captions[clip])] + [(num_clips + m, extras[m]) for m in positives]
        losses = []
        for text, vector in queries:
            rows = [logit(g, vector) for g in range(num_clips) if not is_hidden(text, clip, g)]
            losses.append(log_sum(rows) - logit(clip, vector))
        text_to_audio.append(sum(losses, torch.zeros(())) / len(losses))
    return torch.stack(audio_to_text).mean(), torch.stack(text_to_audio).mean()
