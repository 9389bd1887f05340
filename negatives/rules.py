"""The rules generator: the modules in `negatives.kinds` and `negatives.levels`, deterministic by seed and caption."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Iterator

from compa.manifest import POSITIVE_LEVELS
from negatives import kinds, levels
from negatives.generator import Candidate, Request
from negatives.kinds.replacement import exchange_siblings
from negatives.language.substitutes import Siblings

MAX_CHARACTERS = 500


class Rules:
    """Proposes what the rules of the wanted kinds and levels make of a caption.

    Args:
        siblings: What replaces what; by default the table that comes with the package.
    """

    name = "rules"

    def __init__(self, siblings: Siblings | None = None) -> None:
        self._rules = {**kinds.available(), **levels.available()}
        if siblings:
            self._rules["replacement"] = lambda caption, rng: exchange_siblings(caption, siblings, rng)

    def propose(self, requests: Iterable[Request]) -> Iterator[Iterator[Candidate]]:
        """Yields the candidates of one request after the other: each kind's first, then each kind's second, ...

        A caption with a seed gets the same candidates wherever it stands.
        """
        return map(self._candidates, requests)

    def _candidates(self, request: Request) -> Iterator[Candidate]:
        if len(request.text) > MAX_CHARACTERS:
            return
        rng = random.Random(stable_hash(f"{request.seed} {request.text}"))
        wanted = [kind for kind in request.kinds if kind in self._rules]
        for level in (level for level in wanted if level in POSITIVE_LEVELS):
            yield from (Candidate(text, level, self.name) for text in self._rules[level](request.text, rng))
        left = [kind for kind in wanted if kind not in POSITIVE_LEVELS]
        rng.shuffle(left)
        series = {kind: self._series(kind, request.text, rng) for kind in left}
        while series:
            for kind in [*series]:
                if (text := next(series[kind], None)) is None:
                    del series[kind]
                else:
                    yield Candidate(text, kind, self.name)

    def _series(self, kind: str, text: str, rng: random.Random) -> Iterator[str]:
        """What a kind makes of a text, not begun before it is asked for."""
        yield from self._rules[kind](text, rng)


def stable_hash(text: str) -> int:
    """The same 64 bits for a text on every machine and in every process."""
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")
