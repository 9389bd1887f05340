"""Composes scenes by number: clips with captions, positives, negatives and twins, and their waveforms."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Clip
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import Grammar
from compa.scenes.claims import Claim, Truth
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.label_pairs import Company
from compa.scenes.composition.plan import claim_of
from compa.scenes.composition.preparation import Studio
from compa.scenes.composition.sampling import draw_timeline
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.texts import negatives, positives
from compa.scenes.composition.timeline import Timeline, lay_out, mix
from compa.scenes.speech import speaker_and_words

TRIES, TRIES_A_KIND = 400, 3


class Composed(NamedTuple):
    """A clip, without the path of its sound; its waveform, float32 of shape (samples,); and how it was made."""

    clip: Clip
    waveform: NDArray[np.float32]
    timeline: Timeline


@dataclass(frozen=True)
class Twins:
    """A timeline and its minimal edit.

    Attributes:
        kind: What the edit changed.
        timelines: Both, in a random order.
        edited: Which of them is the edit.
    """

    kind: str
    timelines: tuple[Timeline, Timeline]
    edited: int


class Composer:
    """Scene `number` of a composer is a pure function of bank, settings, seed and number.

    Args:
        bank: Where the sounds come from.
        settings: How scenes shall be.
        seed: Decides all chances.
        grammar: What puts claims in words.
        pairs: Label pairs that may be combined; None takes those that are not held out.

    Raises:
        ValueError: If who says what is all that twins may differ in, and the bank names no speakers.
    """

    def __init__(
        self,
        bank: EventBank,
        settings: Settings | None = None,
        seed: int = 0,
        grammar: Grammar | None = None,
        pairs: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        self.bank = bank
        self.settings = settings or Settings()
        self.seed = seed
        self.grammar = grammar or Grammar()
        self.company = Company(bank.labels, pairs)
        if self.settings.kinds == ("binding",) and not any(map(speaker_and_words, bank.labels)):
            raise ValueError(
                f"kinds has 'binding', who says what, but {bank.name} names no speakers: take others, or give a CSV "
                "with file,label,speaker"
            )

    def scenes(self, number: int) -> tuple[Composed, ...]:
        """Composes scene `number`: a clip and its twin, or a single clip where twins are not wanted."""
        rng = np.random.default_rng([self.seed, number])
        if not self.settings.twins:
            timeline = draw_timeline(Studio(self.bank), self.company, self.settings, rng)
            clip = self._clip(f"scene-{self.seed}-{number:07d}", timeline, None, None, rng)
            return (Composed(clip, mix([timeline])[0], timeline),)
        twins = self.twins(rng)
        names = [f"scene-{self.seed}-{number:07d}-{side}" for side in "ab"]
        waveforms = mix(twins.timelines)
        return tuple(
            Composed(
                self._clip(
                    names[side], timeline, (twins.kind, claim_of(twins.timelines[1 - side].plan)), names[1 - side], rng
                ),
                waveforms[side],
                timeline,
            )
            for side, timeline in enumerate(twins.timelines)
        )

    def twins(self, rng: np.random.Generator) -> Twins:
        """Draws a scene and its minimal edit: each one's claim is true of it and false of the other."""
        for _ in range(TRIES):
            studio = Studio(self.bank)
            timeline = draw_timeline(studio, self.company, self.settings, rng)
            for kind in (str(kind) for kind in rng.permutation(self.settings.kinds)):
                for _ in range(TRIES_A_KIND):
                    plan = EDITS[kind](timeline.plan, self.company, rng)
                    if plan is None:
                        break
                    twin = lay_out(plan, studio)
                    if twin and tell_apart(timeline, twin):
                        if rng.random() < 0.5:  # which of the two is the edit tells nothing
                            return Twins(kind, (twin, timeline), 0)
                        return Twins(kind, (timeline, twin), 1)
        kinds = ", ".join(self.settings.kinds)
        raise ValueError(f"no twins of the kinds {kinds} can be made of {self.bank.name}: allow 'replacement', too")

    def _clip(
        self,
        name: str,
        timeline: Timeline,
        twin: tuple[str, Claim] | None,
        twin_name: str | None,
        rng: np.random.Generator,
    ) -> Clip:
        claim = claim_of(timeline.plan)
        caption = self.grammar.say(claim, rng)
        snippets = [sound.snippet for _, _, sound in timeline.placed]
        return Clip(
            name,
            None,
            (caption,),
            claims=(str(claim),),
            negatives=negatives(timeline, twin, self.company, self.settings, self.grammar, rng),
            positives=positives(timeline, caption, self.settings, self.grammar, rng),
            events=timeline.events,
            twin=twin_name,
            source=_joined(snippet.source or f"{self.bank.name}: {snippet.recording}" for snippet in snippets),
            author=_joined(snippet.author for snippet in snippets),
            licence=_joined(snippet.licence for snippet in snippets),
        )


def tell_apart(one: Timeline, other: Timeline) -> bool:
    """Whether each claim is true of its own scene and false of the other."""
    claims = claim_of(one.plan), claim_of(other.plan)
    return (
        claims[1].judge(other.events) is Truth.TRUE
        and claims[0].judge(other.events) is Truth.FALSE
        and claims[1].judge(one.events) is Truth.FALSE
    )


def _joined(credits: Iterable[str | None]) -> str | None:
    return "; ".join(dict.fromkeys(credit for credit in credits if credit)) or None
