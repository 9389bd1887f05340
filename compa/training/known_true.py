"""Which texts of a batch are true of which clips, beyond their own: such pairs are not negatives."""

from __future__ import annotations

from torch import Tensor

from compa.data.batch import Batch, Example
from compa.data.known_true import ClipFacts, is_true_of
from compa.objectives.known_true import judge_pairs


def known_true(batch: Batch, across_ranks: bool = False) -> Tensor:
    """Compares every text of the batch with every clip.

    A text is known to be true of a clip when its claim is True of the clip's events; without a claim, when its
    normalized text equals one of the clip's captions or positives.

    Args:
        batch: This rank's clips and texts.
        across_ranks: Whether the clips are those of all ranks; then every rank has to call this.

    Returns:
        (B + M, G) bool on the CPU, texts in the order captions, extras; G are the clips, in rank order.
    """
    texts = list(zip([*batch.captions, *batch.extras], batch.claims, strict=True))
    return judge_pairs(texts, [_facts(example) for example in batch.examples], _is_true, across_ranks=across_ranks)


def _facts(example: Example) -> ClipFacts:
    positives = (text.text for text in example.extras if text.is_positive)
    return ClipFacts.of(example.events, (example.caption, *positives, *example.other_true_texts))


def _is_true(text_and_claim: tuple[str, str | None], clip: ClipFacts) -> bool:
    return is_true_of(*text_and_claim, clip)
