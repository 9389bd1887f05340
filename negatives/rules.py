"""The rule-based generator: applies the modules in `negatives.kinds` and `negatives.levels`."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator

from compa.manifest import POSITIVE_LEVELS
from compa.utils.text import stable_hash
from negatives import kinds, levels
from negatives.generator import Candidate, Request
from negatives.kinds.replacement import substitute
from negatives.language.substitutes import Substitutes

MAX_CHARACTERS = 500
"""Longer captions get no candidates."""


class Rules:
    """Proposes candidates by rules, deterministically for a seed and a caption.

    Args:
        substitutes: Which sounds replace each other; by default the table that comes with the package.
    """

    name = "rules"

    def __init__(self, substitutes: Substitutes | None = None) -> None:
        self._rules = {**kinds.available(), **levels.available()}
        if substitutes:
            self._rules["replacement"] = lambda caption, rng: substitute(caption, substitutes, rng)

    def propose(self, requests: Iterable[Request]) -> Iterator[Iterator[Candidate]]:
        """Yields the candidates of each request: each kind's first, then each kind's second, and so on.

        They depend on the request's caption and seed, not on the other requests.
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
        """The candidates of a kind; a generator, so that the rule runs only when its first one is needed."""
        yield from self._rules[kind](text, rng)
