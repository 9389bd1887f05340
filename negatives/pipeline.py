"""Adds negatives and positives to clips: a generator proposes candidates, checks accept or refuse them.

from negatives.pipeline import generate
from negatives.rules import Rules

tally = generate("captions.csv", "manifest.jsonl", Rules(), kinds=("order", "replacement"), num=3)
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tqdm import tqdm

from compa.manifest import Clip, Negative, Positive, write_manifest
from compa.utils.text_rows import RowError
from negatives import kinds as rule_kinds
from negatives import levels as rule_levels
from negatives.checks.consistency import meaning, refuse, refuse_positive, wording
from negatives.checks.other_captions import OtherCaptions
from negatives.generator import Candidate, Generator, Request
from negatives.outputs import check_outputs
from negatives.sources import read_clips, rebase_audio

KINDS, LEVELS = tuple(rule_kinds.available()), tuple(rule_levels.available())
"""The kinds of negatives and levels of positives that there are rules for."""

Filter = Callable[[Sequence[Clip]], Sequence[Sequence[str | None]]]
"""A further check on the negatives of some clips: for each negative of each clip the reason to refuse it, or None."""

FILTER_CLIPS = 256
"""Clips that a filter gets at a time."""


@dataclass
class Tally:
    """What a manifest contains, and what was refused while it was made.

    Attributes:
        clips: Number of clips.
        captions: Number of captions.
        served: Captions with at least one negative.
        kept: Negatives and positives by kind or level.
        refused: Candidates by (kind or level, reason).
        refused_rows: Rows of the source without a caption, or that cannot be read.
    """

    clips: int = 0
    captions: int = 0
    served: int = 0
    kept: Counter[str] = field(default_factory=Counter)
    refused: Counter[tuple[str, str]] = field(default_factory=Counter)
    refused_rows: list[RowError] = field(default_factory=list)

    def watch(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yields the clips, and counts what they contain as they pass."""
        for clip in clips:
            self.clips += 1
            self.captions += len(clip.captions)
            self.served += len({negative.of for negative in clip.negatives} & {*range(len(clip.captions))})
            self.kept.update(negative.kind for negative in clip.negatives)
            self.kept.update(positive.level for positive in clip.positives)
            yield clip


def generate(
    source: str | Path,
    out: str | Path,
    generator: Generator,
    *,
    kinds: Sequence[str] = KINDS,
    levels: Sequence[str] = LEVELS,
    num: int = 3,
    seed: int = 0,
    filters: Sequence[Filter] = (),
    overwrite: bool = False,
    progress: bool = False,
) -> Tally:
    """Writes a manifest whose clips have negatives and positives.

    Args:
        source: A manifest, or a table or text file of captions; see `negatives.sources.read_clips`.
        out: The manifest to write. Relative audio paths are adapted to its folder.
        generator: Proposes candidates: `negatives.rules.Rules()`, or a language model.
        kinds: Kinds of negatives.
        levels: Levels of positives.
        num: Negatives per caption at most.
        seed: The same seed gives the same texts.
        filters: Further checks on the new negatives; each gets what the ones before it accepted.
        overwrite: Whether `out` may exist.
        progress: Whether to show progress on stderr.

    Returns:
        What the manifest contains, and what was refused.

    Raises:
        ValueError: If the source is broken or has no captions, or `out` exists or is the source.
        OSError: If a file cannot be read or written.
    """
    source, out = Path(source), Path(out)
    check_outputs(source, {"--out": out}, overwrite)
    tally = Tally()
    clips = add_negatives(
        read_clips(source, tally.refused_rows), generator, (*kinds, *levels), num, seed, filters, tally
    )
    clips = (rebase_audio(clip, source, out) for clip in clips)
    write_manifest(out, tqdm(clips, unit=" clips", file=sys.stderr, mininterval=0.5, disable=not progress))
    return tally


def add_negatives(
    clips: Iterable[Clip],
    generator: Generator,
    kinds: Sequence[str],
    num: int = 3,
    seed: int = 0,
    filters: Iterable[Filter] = (),
    tally: Tally | None = None,
) -> Iterator[Clip]:
    """Yields every clip with up to `num` more negatives for each of its captions, and with positives.

    Args:
        clips: A stream. Only what the generator reads ahead and `FILTER_CLIPS` per filter are in memory.
        generator: Proposes candidates.
        kinds: Kinds of negatives and levels of positives.
        num: New negatives per caption at most.
        seed: Passed on to the generator.
        filters: Further checks on the new negatives; each gets what the ones before it accepted.
        tally: Counts what the clips contain, and refusals by reason.
    """
    tally = Tally() if tally is None else tally
    clips, ahead = itertools.tee(clips)
    proposals = generator.propose(
        Request(text, tuple(kinds), num, seed, clip.id, of) for clip in ahead for of, text in enumerate(clip.captions)
    )
    made: Iterator[tuple[Clip, int]] = (_extended(clip, proposals, num, tally) for clip in clips)
    for check in filters:
        made = _filtered(made, check, tally)
    return tally.watch(clip for clip, _ in made)


def _extended(clip: Clip, proposals: Iterator[Iterable[Candidate]], num: int, tally: Tally) -> tuple[Clip, int]:
    """A clip with new negatives and positives, and how many negatives it had before."""
    texts = _ClipTexts(clip, num, tally)
    for of in range(len(clip.captions)):
        texts.add(of, next(proposals))
    extended = replace(clip, negatives=tuple(texts.negatives), positives=tuple(texts.positives))
    return extended, len(clip.negatives)


def _filtered(made: Iterator[tuple[Clip, int]], check: Filter, tally: Tally) -> Iterator[tuple[Clip, int]]:
    """Removes the new negatives that a filter refuses."""
    while batch := list(itertools.islice(made, FILTER_CLIPS)):
        reasons_of = check([replace(clip, negatives=clip.negatives[old:]) for clip, old in batch])
        for (clip, old), reasons in zip(batch, reasons_of, strict=True):
            judged = list(zip(clip.negatives[old:], reasons, strict=True))
            tally.refused.update((negative.kind, reason) for negative, reason in judged if reason)
            kept = [negative for negative, reason in judged if not reason]
            yield replace(clip, negatives=(*clip.negatives[:old], *kept)), old


class _ClipTexts:
    """The growing lists of negatives and positives of one clip, with what the checks need to know of them."""

    def __init__(self, clip: Clip, num: int, tally: Tally) -> None:
        self.clip, self.num, self.tally = clip, num, tally
        self.negatives, self.positives = list(clip.negatives), list(clip.positives)
        self.true = {meaning(text) for text in (*clip.captions, *(positive.text for positive in self.positives))}
        self.false = {meaning(negative.text) for negative in self.negatives}
        self.words = {wording(text) for text in (*clip.captions, *(positive.text for positive in self.positives))}

    def add(self, of: int, candidates: Iterable[Candidate]) -> None:
        """Adds the candidates for caption number `of` that pass the checks, until there are enough negatives."""
        caption, full = self.clip.captions[of], len(self.negatives) + self.num
        others = OtherCaptions(caption, self._other_truths(of))
        for candidate in candidates:
            if candidate.is_positive:
                self._add_positive(candidate, caption, of)
            else:
                self._add_negative(candidate, caption, of, others)
            if len(self.negatives) == full:
                break

    def _add_positive(self, candidate: Candidate, caption: str, of: int) -> None:
        reason = refuse_positive(candidate.kind, candidate.text, caption, self.words, self.false)
        if self._passes(candidate, reason):
            self.positives.append(Positive(candidate.text, candidate.kind, of=of))
            self.true.add(meaning(candidate.text))
            self.words.add(wording(candidate.text))

    def _add_negative(self, candidate: Candidate, caption: str, of: int, others: OtherCaptions) -> None:
        reason = refuse(candidate.kind, candidate.text, caption, self.true, self.false)
        if self._passes(candidate, reason or others.refuse(candidate.kind, candidate.text)):
            self.negatives.append(Negative(candidate.text, candidate.kind, generator=candidate.generator, of=of))
            self.false.add(meaning(candidate.text))

    def _other_truths(self, of: int) -> list[str]:
        """The texts that are true of the clip, without caption number `of` and what was made from it."""
        captions = [text for number, text in enumerate(self.clip.captions) if number != of]
        return captions + [positive.text for positive in self.clip.positives if positive.of != of]

    def _passes(self, candidate: Candidate, reason: str | None) -> bool:
        if reason:
            self.tally.refused[candidate.kind, reason] += 1
        return reason is None
