"""Random samples of the negatives of a manifest of any length."""

from __future__ import annotations

import itertools
import random
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from compa.manifest import Clip


class Item(NamedTuple):
    """A negative beside its caption."""

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


def items_of(clip: Clip) -> list[Item]:
    """The clip's negatives of which it is known what caption they were made from."""
    return [
        Item(clip.id, negative.of, clip.captions[negative.of], negative.text, negative.kind, negative.generator or "")
        for negative in clip.negatives
        if negative.of is not None and 0 <= negative.of < len(clip.captions)
    ]


def sample(clips: Iterable[Clip], limit: int, seed: int = 0) -> dict[str, list[Item]]:
    """Up to `limit` random items of every kind; no more than these are held."""
    rng = random.Random(seed)
    samples: defaultdict[str, list[Item]] = defaultdict(list)
    seen: Counter[str] = Counter()
    for item in itertools.chain.from_iterable(map(items_of, clips)):
        kept = samples[item.kind]
        seen[item.kind] += 1
        if len(kept) < limit:
            kept.append(item)
        elif (place := rng.randrange(seen[item.kind])) < limit:
            kept[place] = item
    return samples


def spread(samples: dict[str, list[Item]], num: int, seed: int = 0) -> list[Item]:
    """Of a sample, `num` random items: as many of each kind as there are, so that rare kinds are seen too."""
    rng = random.Random(seed)
    shuffled = [rng.sample(items, len(items)) for _, items in sorted(samples.items())]
    rounds = itertools.chain.from_iterable(itertools.zip_longest(*shuffled))
    chosen = list(itertools.islice((item for item in rounds if item), num))
    rng.shuffle(chosen)
    return chosen
