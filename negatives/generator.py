"""The seam between what proposes texts (rules, a model behind a server) and the checks that decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from compa.manifest import POSITIVE_LEVELS


@dataclass(frozen=True)
class Request:
    """A caption, and what is wanted of it.

    Attributes:
        text: The caption, as it was written.
        kinds: Kinds of negatives and levels of positives, by their names in the manifest.
        num: Negatives that will be kept at most; proposing more gives the checks a choice.
        seed: Other seeds prefer other wordings.
        clip: Id of the caption's clip.
        of: Index of the caption within its clip.
    """

    text: str
    kinds: tuple[str, ...]
    num: int
    seed: int = 0
    clip: str = ""
    of: int = 0


@dataclass(frozen=True)
class Candidate:
    """A text that a generator believes to be false of a caption, or true of it where `kind` is a level.

    Attributes:
        text: What it says.
        kind: One of the request's `kinds`.
        generator: Who made it, in as many words as its provenance needs ("rules", a model and its prompt's version).
    """

    text: str
    kind: str
    generator: str

    @property
    def is_positive(self) -> bool:
        """Whether it is meant to be true of the caption."""
        return self.kind in POSITIVE_LEVELS


class Generator(Protocol):
    """Turns requests into candidates, which may be made only as they are asked for.

    ``propose`` reads as far ahead in the stream as it likes (rules: one request; a server: some batches) and
    answers every request, in order, with its candidates: positives first, then the ones that it likes best.
    """

    def propose(self, requests: Iterable[Request]) -> Iterator[Iterable[Candidate]]:
        """Yields the candidates of one request after the other."""
        ...
