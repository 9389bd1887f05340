"""Which texts of a batch are true of which clips, beyond their own: such pairs are no negatives."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from compa.data.batch import Batch, Example
from compa.manifest import Event
from compa.objectives.known_true import judge_pairs
from compa.scenes.claims import Truth, parse


def known_true(batch: Batch, across_ranks: bool = False) -> Tensor:
    """Compares every text of the batch with every clip.

    A text is known to be true of a clip when its claim is True of the clip's events; without a claim, when its
    normalised text equals one of the clip's captions or positives.

    Args:
        batch: This rank's clips and texts.
        across_ranks: Whether the clips are those of all ranks; then every rank has to call this.

    Returns:
        (B + M, G) bool on the CPU, texts in the order captions, extras; G are the clips, in rank order.
    """
    texts = list(zip([*batch.captions, *batch.extras], batch.claims, strict=True))
    return judge_pairs(texts, [_facts(example) for example in batch.examples], _is_true, across_ranks=across_ranks)


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
        texts=frozenset(map(_normalised, (example.caption, *example.positives, *example.other_true_texts))),
    )


def _is_true(text_and_claim: tuple[str, str | None], clip: _Facts) -> bool:
    text, claim = text_and_claim
    if claim is None or not clip.events:
        return _normalised(text) in clip.texts
    parsed = parse(claim)
    return parsed.labels() <= clip.labels and parsed.judge(clip.events) is Truth.TRUE


def _normalised(text: str) -> str:
    return " ".join(text.casefold().split()).rstrip(".")
