"""The interface between generators, which propose texts (rules, language models), and the checks that decide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from compa.manifest import POSITIVE_LEVELS


@dataclass(frozen=True)
class Request:
    """A caption, and which texts are wanted for it.

    Attributes:
        text: The caption.
        kinds: Kinds of negatives and levels of positives, by their names in the manifest.
        num: Negatives that will be kept at most; proposing more gives the checks a choice.
        seed: Other seeds give other texts.
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
    """A text that is meant to be false of a caption, or true of it where `kind` is a level.

    Attributes:
        text: The text.
        kind: One of the request's `kinds`.
        generator: What made it: "rules", or a model and the version of its prompt.
    """

    text: str
    kind: str
    generator: str

    @property
    def is_positive(self) -> bool:
        """Whether it is meant to be true of the caption."""
        return self.kind in POSITIVE_LEVELS


class Generator(Protocol):
    """Turns requests into candidates, which may be made lazily.

    `propose` may read ahead in the stream (rules: one request; a server: some batches) and yields the candidates of
    every request, in order: positives first, then negatives, the best first.
    """

    def propose(self, requests: Iterable[Request]) -> Iterator[Iterable[Candidate]]:
        """Yields the candidates of each request."""
        ...
