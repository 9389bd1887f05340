"""Labels that bind a speaker to what is said: the second label column of a bank."""

from __future__ import annotations

SAYS = " says "


def spoken_by(speaker: str, words: str) -> str:
    """The label of a speaker who says something.

    Example:
        >>> spoken_by("george", "three")
        'george says three'
    """
    return f"{speaker}{SAYS}{words}"


def speaker_and_words(label: str) -> tuple[str, str] | None:
    """Who speaks and what is said; None for other labels."""
    speaker, says, words = label.partition(SAYS)
    return (speaker, words) if says and speaker and words else None
