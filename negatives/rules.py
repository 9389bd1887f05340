"""The rules generator: the modules in `negatives.kinds`, deterministic by seed and caption."""

from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Iterable, Iterator, Sequence

from negatives.generate import Candidate
from negatives.kinds import available

MAX_CHARACTERS = 500


class Rules:
    """Proposes what the rules of the chosen kinds make of a caption.

    Args:
        kinds: Names of kinds, as in the manifest.
        seed: Other seeds prefer other kinds and other wordings where a caption allows several.
    """

    name = "rules"

    def __init__(self, kinds: Sequence[str], seed: int = 0) -> None:
        known = available()
        self.rules = {kind: known[kind] for kind in kinds}
        self.seed = seed

    def propose(self, captions: Iterable[str]) -> Iterator[list[Candidate]]:
        """Yields one list of candidates a caption: each kind's first, then each kind's second, and so on."""
        for caption in captions:
            if len(caption) > MAX_CHARACTERS:
                yield []
                continue
            rng = random.Random(stable_hash(f"{self.seed} {caption}"))
            by_kind = [[Candidate(text, kind) for text in rule(caption, rng)] for kind, rule in self.rules.items()]
            rng.shuffle(by_kind)
            rounds = itertools.zip_longest(*by_kind)
            yield [candidate for candidates in rounds for candidate in candidates if candidate]


def stable_hash(text: str) -> int:
    """The same 64 bits for a text on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")
