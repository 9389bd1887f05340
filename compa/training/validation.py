"""What validation measures beside the loss: composition, and the general skill that hard negatives can cost.

All of it is counted clip by clip over the whole validation, so that it is the same on any number of ranks that share
out whole batches, and no rank has to know which kinds of twins another one has met. Ties are losses.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

from benchmarks.metrics.pairs import outcomes
from compa.data.batch import Batch, Example
from compa.objectives import Embeddings
from compa.objectives.kernels import distributed as ranks
from compa.training.known_true import known_true


class Tally:
    """Wins and tries of every score since it was last asked for shares."""

    def __init__(self) -> None:
        self._counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    def add(self, name: str, won: Iterable[bool]) -> None:
        """Counts some tries."""
        tries = list(won)
        self._counts[name][0] += sum(tries)
        self._counts[name][1] += len(tries)

    def shares(self) -> dict[str, float]:
        """The share of wins of every score, over all ranks, which all have to ask; starts again at nothing."""
        own, self._counts = dict(self._counts), defaultdict(lambda: [0, 0])
        total = Tally()
        for name, (wins, tries) in _of_all_ranks(own):
            total._counts[name][0] += wins
            total._counts[name][1] += tries
        return {name: wins / tries for name, (wins, tries) in sorted(total._counts.items()) if tries}


def count_scores(tally: Tally, batch: Batch, embeddings: Embeddings, embed_text: Callable[[list[str]], Tensor]) -> None:
    """Counts what a batch tells.

    - `<kind>-text`, `-audio`, `-group`: twins told apart, for every kind of them, see `metrics.pairs.outcomes`;
    - `retrieval-text`: clips whose caption beats the batch's other captions; `retrieval-audio`: captions whose clip
      beats the batch's other clips. What is known to be true counts for neither side;
    - `zero-shot`: clips of which the best of the labels heard in the batch, each put in words alone, is heard in them.

    Args:
        tally: Where they are counted.
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
        heard = torch.tensor(
            [[label in {event.label for event in example.events} for label in labels] for example in batch.examples]
        )
        similarities = (embeddings.audio @ embed_text(labels).T).double().cpu()
        tally.add("zero-shot", beats(similarities, heard, ~heard))


def beats(scores: Tensor, right: Tensor, wrong: Tensor) -> list[bool]:
    """Whether a row's best right column beats all of its wrong ones; rows without any of either are left out.

    Args:
        scores: (N, columns), higher is better.
        right: (N, columns) bool.
        wrong: (N, columns) bool; columns that are neither don't count.

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
    """The rows of twins that share the batch, by kind."""
    rows = {example.id: row for row, example in enumerate(examples)}
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for row, example in enumerate(examples):
        other = rows.get(example.twin or "")
        if other is not None and row < other:
            found[example.kind].append((row, other))
    return found


def _of_all_ranks(counts: dict[str, list[int]]) -> list[tuple[str, list[int]]]:
    items = list(counts.items())
    return ranks.gather_objects(items) if ranks.are_several() else items
