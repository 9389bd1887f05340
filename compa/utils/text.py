"""Text helpers: suggestions for unknown names, normalized captions, hashes that are the same on every machine."""

from __future__ import annotations

import difflib
import hashlib
from collections.abc import Iterable


def unknown_name(what: str, name: str, known: Iterable[str]) -> ValueError:
    """Builds the error for an unknown name: the nearest known name and all known ones.

    Args:
        what: What it names ("task", "model", ...).
        name: The unknown name.
        known: The known names.

    Example:
        >>> print(unknown_name("task", "scene-order", ["scenes-attribute", "scenes-order"]))
        unknown task 'scene-order'; did you mean 'scenes-order'? (known: scenes-attribute, scenes-order)
    """
    names = sorted(known)
    return ValueError(f"unknown {what} {name!r}{did_you_mean(name, names)} (known: {', '.join(names) or 'none'})")


def did_you_mean(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """The part of an error message that offers the nearest known name; empty where none is near.

    Args:
        name: The unknown name.
        known: The known names.
        cutoff: How near it must be, from 0, where any is near enough, to 1.
    """
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""


def normalized(text: str) -> str:
    """A caption without what does not change its meaning: letter case, runs of spaces, the final period.

    Example:
        >>> normalized("A  Dog barks.")
        'a dog barks'
    """
    return " ".join(text.casefold().split()).rstrip(".")


def stable_hash(*parts: object) -> int:
    """A 64-bit hash of the parts' `str` that is the same in every process and on every machine."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=8).digest(), "big")
