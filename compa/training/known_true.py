"""Which texts of a batch are true of which clips, beyond their own: such pairs are no negatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor

from compa.data.batch import Batch, Example
from compa.manifest import Event
from compa.scenes.claims import Truth, parse


def known_true(batch: Batch, all_ranks: bool = True) -> Tensor:
    """Compares every text of the batch with every clip of all ranks.

    A text is known to be true of a clip when its claim is True of the clip's events; without a claim, when its
    normalised text equals one of the clip's captions or positives.

    Args:
        batch: This rank's clips and texts.
        all_ranks: Whether clips of other ranks count too, where a process group is up; False in validation, whose
            contrast is local.

    Returns:
        (B + M, G) bool on the CPU, texts in the order captions, extras; G are the clips of all ranks in rank order.
    """
    clips = [_facts(example) for example in batch.examples]
    clips = _gathered(clips) if all_ranks else clips
    rows: dict[tuple[str, str | None], list[bool]] = {}
    texts = [*batch.captions, *batch.extras]
    for text, claim in zip(texts, batch.claims, strict=True):
        if (text, claim) not in rows:
            rows[text, claim] = [_is_true(text, claim, clip) for clip in clips]
    return torch.tensor([rows[key] for key in zip(texts, batch.claims, strict=True)], dtype=torch.bool)


@dataclass(frozen=True)
class _Facts:
    """What is known of a clip, small enough to travel between ranks."""

    events: tuple[Event, ...]
    labels: frozenset[str]
    texts: frozenset[str]


def _facts(example: Example) -> _Facts:
    return _Facts(
        events=example.events,
        labels=frozenset(event.label for event in example.events),
        texts=frozenset(map(_normalised, (example.caption, *example.positives))),
    )


def _is_true(text: str, claim: str | None, clip: _Facts) -> bool:
    if claim is None or not clip.events:
        return _normalised(text) in clip.texts
    parsed = parse(claim)
    return parsed.labels() <= clip.labels and parsed.judge(clip.events) is Truth.TRUE


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")


def _gathered(facts: Sequence[_Facts]) -> list[_Facts]:
    if not (dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1):
        return list(facts)
    shares: list[list[_Facts]] = [[] for _ in range(dist.get_world_size())]
    dist.all_gather_object(shares, list(facts))
    return [clip for share in shares for clip in share]
