"""From clips to clips with negatives: a generator proposes, the checks dispose, a tally counts both."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

from compa.manifest import Clip, Negative
from negatives.checks import refuse


@dataclass(frozen=True)
class Candidate:
    """A text that a generator believes to be false of a caption."""

    text: str
    kind: str


class Generator(Protocol):
    """Turns captions into candidates.

    ``propose`` reads as far ahead in the stream as it likes (rules: one caption; a server: some batches) and
    answers every caption, in order, with its candidates, the ones it likes best first.
    """

    name: str

    def propose(self, captions: Iterable[str]) -> Iterator[list[Candidate]]:
        """Yields one list of candidates a caption."""
        ...


@dataclass
class Tally:
    """What a run has done so far."""

    captions: int = 0
    served: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)


def add_negatives(clips: Iterable[Clip], generator: Generator, num: int, tally: Tally) -> Iterator[Clip]:
    """Yields every clip with up to `num` negatives more for each of its captions, as they come.

    Args:
        clips: A stream; no more of it is held than the generator reads ahead.
        generator: Proposes the candidates.
        num: Negatives a caption at most.
        tally: Counts captions, negatives by kind and refusals by reason.
    """
    clips, ahead = itertools.tee(clips)
    proposals = generator.propose(caption for clip in ahead for caption in clip.captions)
    for clip in clips:
        negatives = list(clip.negatives)
        for index in range(len(clip.captions)):
            added = _choose(clip, index, next(proposals), generator.name, num, negatives, tally)
            negatives += added
            tally.captions += 1
            tally.served += bool(added)
            tally.kept.update(negative.kind for negative in added)
        yield replace(clip, negatives=tuple(negatives))


def _choose(
    clip: Clip,
    index: int,
    candidates: list[Candidate],
    generator: str,
    num: int,
    others: list[Negative],
    tally: Tally,
) -> list[Negative]:
    caption = clip.captions[index]
    truths = [*clip.captions, *(positive.text for positive in clip.positives)]
    chosen: list[Negative] = []
    for candidate in candidates:
        if len(chosen) == num:
            break
        texts = [negative.text for negative in (*others, *chosen)]
        reason = refuse(candidate.kind, candidate.text, caption, truths, texts)
        if reason:
            tally.refused[candidate.kind, reason] += 1
        else:
            chosen.append(Negative(candidate.text, candidate.kind, generator=generator, of=index))
    return chosen
