"""Validation scores beside the loss: composition, and the general skill that hard negatives can cost.

All scores are counted clip by clip over the whole validation, so they are the same on any number of ranks that split
whole batches, and no rank has to know which kinds of twins another rank has. Ties are losses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from benchmarks.metrics.pairs import outcomes
from compa.data.batch import Batch, Example
from compa.objectives import Embeddings
from compa.objectives.kernels import distributed
from compa.training.known_true import known_true


class Tally:
    """Wins and tries of every score since `fractions` was last called."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, name: str, won: Iterable[bool]) -> None:
        """Counts some tries."""
        tries = list(won)
        self._counts[name][0] += sum(tries)
        self._counts[name][1] += len(tries)

    def fractions(self) -> dict[str, float]:
        """The fraction of wins of every score over all ranks, all of which have to call this; then starts anew."""
        own, self._counts = dict(self._counts), defaultdict(lambda: [0, 0])
        total = Tally()
        for name, (wins, tries) in _of_all_ranks(own):
            total._counts[name][0] += wins
            total._counts[name][1] += tries
        return {name: wins / tries for name, (wins, tries) in sorted(total._counts.items()) if tries}


def count_scores(tally: Tally, batch: Batch, embeddings: Embeddings, embed_text: Callable[[list[str]], Tensor]) -> None:
    """Counts the scores of a batch.

    - `<kind>-text`, `-audio`, `-group`: twins (a scene and its minimal edit) told apart, see `metrics.pairs.outcomes`,
      for every kind of edit;
    - `retrieval-text`: clips whose caption beats the batch's other captions; `retrieval-audio`: captions whose clip
      beats the batch's other clips. Pairs that are known to be true count for neither side;
    - `zero-shot`: clips for which the best of all labels in the batch, each as a caption, is one of the clip's.

    Args:
        tally: Counts them.
        batch: The clips.
        embeddings: Of the batch, in `eval()` mode.
        embed_text: Embeds texts as unit rows.
    """
    for kind, pairs in _twins(batch.examples).items():
        index = torch.tensor(pairs, device=embeddings.audio.device)
        scores = embeddings.audio[index] @ embeddings.captions[index].transpose(1, 2)
        wins = outcomes(scores.double().cpu().numpy())
        for name in ("text", "audio", "group"):
            tally.add(f"{kind}-{name}", wins[name].tolist())
    similarities = (embeddings.audio @ embeddings.captions.T).double().cpu()
    own = torch.eye(len(similarities), dtype=torch.bool)
    others = ~(own | known_true(batch)[: len(own)].T)  # (clips, captions)
    tally.add("retrieval-text", beats(similarities, own, others))
    tally.add("retrieval-audio", beats(similarities.T, own, others.T))
    labels = sorted({event.label for example in batch.examples for event in example.events})
    if labels:
        is_true = torch.tensor(
            [[label in {event.label for event in example.events} for label in labels] for example in batch.examples]
        )
        similarities = (embeddings.audio @ embed_text(labels).T).double().cpu()
        tally.add("zero-shot", beats(similarities, is_true, ~is_true))


def beats(scores: Tensor, right: Tensor, wrong: Tensor) -> list[bool]:
    """Whether each row's best right column beats all of its wrong ones; rows that lack either are left out.

    Args:
        scores: (N, columns), higher is better.
        right: (N, columns) bool.
        wrong: (N, columns) bool; columns that are neither right nor wrong don't count.

    Example:
        >>> scores = torch.tensor([[0.9, 0.1], [0.5, 0.5]])
        >>> beats(scores, torch.eye(2, dtype=torch.bool), ~torch.eye(2, dtype=torch.bool))
        [True, False]
    """
    best_right = scores.masked_fill(~right, -torch.inf).amax(1)
    best_wrong = scores.masked_fill(~wrong, -torch.inf).amax(1)
    won: list[bool] = (best_right > best_wrong)[right.any(1) & wrong.any(1)].tolist()
    return won


def _twins(examples: Sequence[Example]) -> dict[str, list[tuple[int, int]]]:
    """The rows of twins that are both in the batch, by kind of edit."""
    rows = {example.id: row for row, example in enumerate(examples)}
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, example in enumerate(examples):
        other = rows.get(example.twin or "")
        if other is not None and row < other:
            found[example.kind].append((row, other))
    return found


def _of_all_ranks(counts: dict[str, list[int]]) -> list[tuple[str, list[int]]]:
    items = list(counts.items())
    return distributed.all_gather_objects(items) if distributed.is_distributed() else items
