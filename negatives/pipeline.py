"""From clips to clips with negatives and positives: a generator proposes, the checks dispose, a tally counts both."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from compa.manifest import Clip, Negative, Positive
from negatives.checks.consistency import meaning, refuse, refuse_positive, wording
from negatives.generator import Candidate, Generator, Request

Filter = Callable[[Sequence[Clip]], Sequence[Sequence[str | None]]]
"""A second opinion on the negatives of some clips: for each of a clip's, the reason to refuse it, or None."""

FILTER_CLIPS = 256


@dataclass
class Tally:
    """What a manifest holds, and what was refused while it was made.

    Attributes:
        captions: Its captions.
        served: Captions that have at least one negative.
        kept: Negatives and positives by kind or level.
        refused: Candidates by kind or level, and reason.
    """

    captions: int = 0
    served: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)

    def counted(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yields the clips, and counts what they hold as they pass."""
        for clip in clips:
            self.captions += len(clip.captions)
            of_captions = {negative.of for negative in clip.negatives}
            self.served += sum(of in of_captions for of in range(len(clip.captions)))
            for negative in clip.negatives:
                self.kept[negative.kind] += 1
            for positive in clip.positives:
                self.kept[positive.level] += 1
            yield clip


def add_negatives(
    clips: Iterable[Clip],
    generator: Generator,
    num: int,
    tally: Tally,
    kinds: tuple[str, ...],
    seed: int = 0,
    filters: Iterable[Filter] = (),
) -> Iterator[Clip]:
    """Yields every clip with up to `num` negatives more for each of its captions, and positives, as they come.

    Args:
        clips: A stream; no more of it is held than the generator reads ahead, and some hundred clips a filter.
        generator: Proposes the candidates.
        num: Negatives a caption at most.
        tally: Counts what the clips hold, and refusals by reason.
        kinds: Kinds of negatives and levels of positives.
        seed: Is handed to the generator.
        filters: Second opinions on the new negatives; each sees what the ones before it left.
    """
    clips, ahead = itertools.tee(clips)
    proposals = generator.propose(
        Request(text, kinds, num, seed, clip.id, of) for clip in ahead for of, text in enumerate(clip.captions)
    )
    made: Iterator[tuple[Clip, int]] = (_grown(clip, proposals, num, tally) for clip in clips)
    for judge in filters:
        made = _filtered(made, judge, tally)
    return tally.counted(clip for clip, _ in made)


def _grown(clip: Clip, proposals: Iterator[Iterable[Candidate]], num: int, tally: Tally) -> tuple[Clip, int]:
    """A clip with what it is given, and how many negatives it had."""
    texts = _Texts(clip, num, tally)
    for of in range(len(clip.captions)):
        texts.take(of, next(proposals))
    grown = replace(clip, negatives=tuple(texts.negatives), positives=tuple(texts.positives))
    return grown, len(clip.negatives)


def _filtered(made: Iterator[tuple[Clip, int]], judge: Filter, tally: Tally) -> Iterator[tuple[Clip, int]]:
    """Leaves out the new negatives that a second opinion refuses; it is asked about some hundred clips at once."""
    while batch := list(itertools.islice(made, FILTER_CLIPS)):
        reasons_of = judge([replace(clip, negatives=clip.negatives[old:]) for clip, old in batch])
        for (clip, old), reasons in zip(batch, reasons_of, strict=True):
            judged = list(zip(clip.negatives[old:], reasons, strict=True))
            tally.refused.update((negative.kind, reason) for negative, reason in judged if reason)
            kept = [negative for negative, reason in judged if not reason]
            yield replace(clip, negatives=(*clip.negatives[:old], *kept)), old


class _Texts:
    """The negatives and positives of one clip, as they grow, and what they mean."""

    def __init__(self, clip: Clip, num: int, tally: Tally) -> None:
        self.clip, self.num, self.tally = clip, num, tally
        self.negatives, self.positives = list(clip.negatives), list(clip.positives)
        self.true = {meaning(text) for text in (*clip.captions, *(positive.text for positive in self.positives))}
        self.false = {meaning(negative.text) for negative in self.negatives}
        self.words = {wording(text) for text in (*clip.captions, *(positive.text for positive in self.positives))}

    def take(self, of: int, candidates: Iterable[Candidate]) -> None:
        """Takes what passes the checks until there are enough negatives."""
        caption, full = self.clip.captions[of], len(self.negatives) + self.num
        for candidate in candidates:
            if candidate.is_positive:
                self._add_positive(candidate, caption, of)
            else:
                self._add_negative(candidate, caption, of)
            if len(self.negatives) == full:
                break

    def _add_positive(self, candidate: Candidate, caption: str, of: int) -> None:
        reason = refuse_positive(candidate.kind, candidate.text, caption, self.words, self.false)
        if self._passes(candidate, reason):
            self.positives.append(Positive(candidate.text, candidate.kind, of=of))
            self.true.add(meaning(candidate.text))
            self.words.add(wording(candidate.text))

    def _add_negative(self, candidate: Candidate, caption: str, of: int) -> None:
        reason = refuse(candidate.kind, candidate.text, caption, self.true, self.false)
        if self._passes(candidate, reason):
            self.negatives.append(Negative(candidate.text, candidate.kind, generator=candidate.generator, of=of))
            self.false.add(meaning(candidate.text))

    def _passes(self, candidate: Candidate, reason: str | None) -> bool:
        if reason:
            self.tally.refused[candidate.kind, reason] += 1
        return reason is None
