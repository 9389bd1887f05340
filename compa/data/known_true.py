"""Whether a text is known to be true of a clip: its claim decides, or else its words."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from compa.manifest import Event
from compa.scenes.claims import Truth, parse
from compa.utils.text import normalized


@dataclass(frozen=True)
class ClipFacts:
    """What is known of a clip, small enough to send to other processes.

    Attributes:
        events: The timeline; empty where it is not known.
        labels: The labels of the events.
        texts: The clip's captions and positives, normalized.
    """

    events: tuple[Event, ...]
    labels: frozenset[str]
    texts: frozenset[str]

    @classmethod
    def of(cls, events: Iterable[Event], texts: Iterable[str]) -> ClipFacts:
        """The facts of a clip with these events, captions and positives."""
        timeline = tuple(events)
        return cls(timeline, frozenset(event.label for event in timeline), frozenset(map(normalized, texts)))


def is_true_of(
    text: str, claim: str | None, clip: ClipFacts, accepted: Collection[Truth] = frozenset({Truth.TRUE})
) -> bool:
    """Whether a text is known to be true of a clip.

    Args:
        text: A caption, positive or negative of any clip.
        claim: What it claims, in canonical text form.
        clip: The clip.
        accepted: The verdicts on the claim that count. In training only what is certainly true is excluded from the
            negatives; in an evaluation whatever may be true must not count as wrong, so UNCLEAR is accepted too.

    Returns:
        Without a claim, or where the clip's events are not known: whether the clip has a text of the same words.
    """
    if claim is None or not clip.events:
        return normalized(text) in clip.texts
    parsed = parse(claim)
    return parsed.labels() <= clip.labels and parsed.judge(clip.events) in accepted
