"""Random samples of the negatives of a manifest of any length."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from compa.manifest import Clip


class Example(NamedTuple):
    """A negative and the caption that it was made from."""

    clip: str
    of: int
    caption: str
    negative: str
    kind: str
    generator: str

    @property
    def pair(self) -> tuple[str, str]:
        """The caption and the negative."""
        return self.caption, self.negative


def examples_of(clip: Clip) -> list[Example]:
    """The negatives of a clip for which it is known what caption they were made from."""
    return [
        Example(
            clip.id, negative.of, clip.captions[negative.of], negative.text, negative.kind, negative.generator or ""
        )
        for negative in clip.negatives
        if negative.of is not None and 0 <= negative.of < len(clip.captions)
    ]


class Sample:
    """Up to `limit` random negatives of every kind; no more than these are in memory.

    Args:
        limit: Negatives of a kind at most.
        seed: Of the choice.

    Attributes:
        by_kind: The examples.
    """

    def __init__(self, limit: int, seed: int = 0) -> None:
        self.by_kind: defaultdict[str, list[Example]] = defaultdict(list)
        self._limit, self._rng = limit, random.Random(seed)
        self._seen: Counter[str] = Counter()

    def watch(self, clips: Iterable[Clip]) -> Iterator[Clip]:
        """Yields the clips, and samples their negatives as they pass."""
        for clip in clips:
            for example in examples_of(clip):
                self._add(example)
            yield clip

    @property
    def pairs(self) -> dict[str, list[tuple[str, str]]]:
        """Captions and negatives by kind."""
        return {kind: [example.pair for example in examples] for kind, examples in self.by_kind.items()}

    def stratified(self, num: int, seed: int = 0) -> list[Example]:
        """`num` random examples of the sample, as many of each kind as possible, so that rare kinds are seen, too."""
        rng = random.Random(seed)
        shuffled = [rng.sample(examples, len(examples)) for _, examples in sorted(self.by_kind.items())]
        rounds = itertools.chain.from_iterable(itertools.zip_longest(*shuffled))
        chosen = list(itertools.islice((example for example in rounds if example), num))
        rng.shuffle(chosen)
        return chosen

    def _add(self, example: Example) -> None:
        kept = self.by_kind[example.kind]
        self._seen[example.kind] += 1
        if len(kept) < self._limit:
            kept.append(example)
        elif (place := self._rng.randrange(self._seen[example.kind])) < self._limit:
            kept[place] = example
