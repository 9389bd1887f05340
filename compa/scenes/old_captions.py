"""Captions: a claim put in words, in many ways.

Every way names both labels once, in one order or the other, so that mention order tells nothing about time or level
("B after A" speaks of B first, as "before B, A" does). `{a}` and `{b}` are the claim's first and second label. The
words around them agree with any label, singular or plural, with or without an article.
"""

from __future__ import annotations

import numpy as np

from compa.scenes.claims import Claim, Has, Louder, Then, While

HAS = (
    "{a}",
    "the sound of {a}",
    "a recording of {a}",
    "this is {a}",
    "only {a}",
    "nothing but {a}",
    "someone recorded {a}",
    "a clip with {a}",
)
THEN_FORWARD = (
    "{a}, then {b}",
    "{a} followed by {b}",
    "{a} before {b}",
    "after {a}, {b}",
    "first {a}, then {b}",
    "{a} and afterwards {b}",
    "{a} prior to {b}",
    "{a} first and {b} second",
    "{a}, and later {b}",
    "starting with {a} and ending with {b}",
)
THEN_BACKWARD = (
    "{b} after {a}",
    "{b} preceded by {a}",
    "{b} following {a}",
    "before {b}, {a}",
    "{b}, but first {a}",
    "{b} and beforehand {a}",
    "{b} subsequent to {a}",
    "{b} second and {a} first",
    "{b}, and earlier {a}",
    "ending with {b} and starting with {a}",
)
WHILE = (
    "{a} while {b} can be heard",
    "{a} and {b} at the same time",
    "{a} during {b}",
    "{a} together with {b}",
    "{a} as {b} can be heard",
    "{a} along with {b}",
    "both {a} and {b} at once",
    "{a} and {b} simultaneously",
)
LOUDER_FORWARD = (
    "loud {a} and quiet {b}",
    "{a} louder than {b}",
    "{a} drowning out {b}",
    "loud {a} over soft {b}",
    "{a} at high volume, {b} at low volume",
    "{a} in the foreground, {b} in the background",
    "strong {a} with faint {b}",
    "mostly {a}, with a little {b}",
    "loud {a} while quiet {b} can be heard",
)
LOUDER_BACKWARD = (
    "quiet {b} and loud {a}",
    "{b} quieter than {a}",
    "{b} drowned out by {a}",
    "soft {b} under loud {a}",
    "{b} at low volume, {a} at high volume",
    "{b} in the background, {a} in the foreground",
    "faint {b} with strong {a}",
    "a little {b}, but mostly {a}",
    "quiet {b} while loud {a} can be heard",
)
_WAYS: dict[type[Claim], tuple[str, ...]] = {
    Has: HAS,
    Then: THEN_FORWARD + THEN_BACKWARD,
    While: WHILE,
    Louder: LOUDER_FORWARD + LOUDER_BACKWARD,
}


def num_ways(claim: Claim) -> int:
    """How many ways there are to say such a claim."""
    return len(_ways(claim))


def in_words(claim: Claim, way: int) -> str:
    """Puts a claim in words.

    Args:
        claim: A `Has`, `Then`, `While` or `Louder`.
        way: Which of the `num_ways(claim)` phrasings.

    Example:
        >>> in_words(Then("dog bark", "siren"), 10)
        'siren after dog bark'
    """
    words = _ways(claim)[way]
    if isinstance(claim, Has):
        return words.format(a=claim.label)
    assert isinstance(claim, Then | While | Louder)
    return words.format(a=claim.first, b=claim.second)


def caption(claim: Claim, rng: np.random.Generator) -> str:
    """Puts a claim in words, the way chosen at random."""
    return in_words(claim, int(rng.integers(num_ways(claim))))


def _ways(claim: Claim) -> tuple[str, ...]:
    try:
        return _WAYS[type(claim)]
    except KeyError:
        legal = ", ".join(kind.__name__ for kind in _WAYS)
        raise ValueError(f"no words for {claim}: captions speak of {legal}") from None
