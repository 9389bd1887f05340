"""Composes scenes by number: clips with captions, positives, negatives and twins, and their waveforms."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from compa.manifest import Clip
from compa.scenes.attributes import all_attributes
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import render_caption
from compa.scenes.claims import Claim
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.label_pairs import LabelPairs
from compa.scenes.composition.pairs import TwinScenes, make_twins
from compa.scenes.composition.plan import Plan, claim_of
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.sampling import draw_timeline
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.texts import negatives, positives
from compa.scenes.composition.timeline import Timeline, mix
from compa.scenes.speech import speaker_and_words

NUM_TRIES, NUM_TRIES_A_KIND = 400, 3


class Composed(NamedTuple):
    """A clip, without the path of its audio; its waveform, float32 of shape (samples,); and its timeline."""

    clip: Clip
    waveform: NDArray[np.float32]
    timeline: Timeline


class Composer:
    """Scene `number` of a composer is a pure function of bank, settings, seed and number.

    Args:
        bank: Where the sounds come from.
        settings: Which scenes to compose.
        seed: Seeds all draws.
        pairs: Label pairs that may be combined; None takes those that are not held out.

    Raises:
        ValueError: If the bank cannot have the attributes or kinds of the settings.
    """

    def __init__(
        self,
        bank: EventBank,
        settings: Settings | None = None,
        seed: int = 0,
        pairs: Iterable[tuple[str, str]] | None = None,
    ) -> None:
        self.bank = bank
        self.settings = settings or Settings()
        self.seed = seed
        self.label_pairs = LabelPairs(bank.labels, pairs)
        if self.settings.kinds == ("binding",) and not any(map(speaker_and_words, bank.labels)):
            raise ValueError(
                f"kinds must contain more than 'binding' for {bank.name}, which has no speakers; use other kinds, or a "
                "CSV with file,label,speaker"
            )
        for name in self.settings.attributes:
            if all_attributes()[name].rendered_by == "bank" and name not in bank.attributes:
                known = ", ".join(bank.attributes) or "none"
                raise ValueError(
                    f"attributes contains {name!r}, which {bank.name} does not render (it renders: {known})"
                )

    def scenes(self, number: int) -> tuple[Composed, ...]:
        """Composes scene `number`: a clip and its twin, or a single clip where the settings ask for no twins."""
        rng = np.random.default_rng([self.seed, number])
        name = f"scene-{self.seed}-{number:07d}"
        if not self.settings.twins:
            timeline = draw_timeline(SnippetPreparer(self.bank), self.label_pairs, self.settings, rng)
            return (Composed(self._clip(name, timeline, None, None, rng), mix([timeline])[0], timeline),)
        twins = self.twins(rng)
        names = [f"{name}-{side}" for side in "ab"]
        waveforms = mix(twins.timelines)
        composed = []
        for side, timeline in enumerate(twins.timelines):
            clip = self._clip(names[side], timeline, (twins.kind, twins.claims[1 - side]), names[1 - side], rng)
            composed.append(Composed(clip, waveforms[side], timeline))
        return tuple(composed)

    def twins(self, rng: np.random.Generator) -> TwinScenes:
        """Draws a scene and its minimal edit, of a random one of the kinds.

        Raises:
            ValueError: If the bank's recordings allow none.
        """
        for _ in range(NUM_TRIES):
            preparer = SnippetPreparer(self.bank)
            scene = draw_timeline(preparer, self.label_pairs, self.settings, rng)
            for kind in map(str, rng.permutation(self.settings.kinds)):
                for _ in range(NUM_TRIES_A_KIND):
                    edit = partial(self._edit, kind, rng)
                    if twins := make_twins(kind, scene, edit, preparer, rng):
                        return twins
        kinds = ", ".join(self.settings.kinds)
        raise ValueError(f"no twins of the kinds {kinds} can be made of {self.bank.name}; add the kind 'replacement'")

    def claims(self, rng: np.random.Generator) -> tuple[Claim, Claim]:
        """Draws the claims of twins."""
        return self.twins(rng).claims

    def _edit(self, kind: str, rng: np.random.Generator, plan: Plan) -> Plan | None:
        return EDITS[kind](plan, self.label_pairs, rng)

    def _clip(
        self,
        name: str,
        timeline: Timeline,
        twin: tuple[str, Claim] | None,
        twin_name: str | None,
        rng: np.random.Generator,
    ) -> Clip:
        claim = claim_of(timeline.plan)
        caption = render_caption(claim, rng)
        snippets = [placed.sound.snippet for placed in timeline.placed]
        settings = self.settings
        return Clip(
            name,
            None,
            (caption,),
            claims=(str(claim),),
            negatives=negatives(timeline, twin, self.label_pairs, settings.kinds, settings.negatives, rng),
            positives=positives(timeline, caption, settings.positives, rng),
            events=timeline.events,
            twin=twin_name,
            source=_joined(snippet.source or f"{self.bank.name}: {snippet.recording}" for snippet in snippets),
            author=_joined(snippet.author for snippet in snippets),
            licence=_joined(snippet.licence for snippet in snippets),
        )


def _joined(credits: Iterable[str | None]) -> str | None:
    return "; ".join(dict.fromkeys(credit for credit in credits if credit)) or None
