"""Twins become examples: a clip each, its caption, its hard negatives, and further texts that are true of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from compa.data.batch import Example, Text
from compa.scenes.attributes import default_attributes
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import render_caption
from compa.scenes.claims import Claim, Has, Louder, Truth
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.plan import claim_of
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.texts import positives
from compa.scenes.composition.timeline import Timeline, mix
from compa.scenes.composition.two_sounds import PLANS, SCENE_SECONDS, TwoSounds
from compa.utils.text import unknown_name

MAX_GAIN_DB = 4.0
"""Each training clip is played up to this much louder or quieter than rendered."""
TRAINING_EDITS = ("order", "relation", "attribute-swap", "attribute-change", "replacement", "binding")
"""The kinds of twins that two sounds are enough for; `compa scenes render` has more."""
NUM_TRIES = 4


@dataclass(frozen=True)
class TextCounts:
    """How many texts a clip has beside its caption.

    Attributes:
        num_negatives: Hard negatives with its twin's claim.
        num_replacements: Hard negatives with one label that does not occur. The twin only contrasts labels that are
            combined; these contrast every label with every other, without which labels of unseen pairs are confused.
        num_positives: True texts: the caption's claim in other words, or a part of it.
    """

    num_negatives: int = 0
    num_replacements: int = 0
    num_positives: int = 0


class TwinExamples:
    """Draws scenes of at most two sounds and 4 s with their minimal edits, as examples.

    Twins of the kinds `order` and `attribute-swap` are those of the tasks `scenes-order` and `scenes-attribute`; the
    others are composed as by `compa scenes render`.

    Args:
        kind: What the edit changes, of `TRAINING_EDITS`.
        bank: Where the sounds come from.
        pairs: Label pairs that may be combined.
        counts: How many texts a clip has.

    Raises:
        ValueError: If there is no such kind, or the bank cannot have it.
    """

    def __init__(self, kind: str, bank: EventBank, pairs: Sequence[tuple[str, str]], counts: TextCounts) -> None:
        if kind not in TRAINING_EDITS:
            raise unknown_name("kind of twins in kinds", kind, TRAINING_EDITS)
        self._kind = kind
        self._counts = counts
        self._scenes: TwoSounds | Composer
        if kind in PLANS:
            self._scenes = TwoSounds(kind, bank, pairs)
        else:
            attributes = default_attributes() if kind.startswith("attribute") else ()
            settings = Settings(seconds=SCENE_SECONDS, max_events=2, attributes=attributes, kinds=(kind,))
            self._scenes = Composer(bank, settings, pairs=pairs)

    def __call__(self, name: str, rng: np.random.Generator) -> tuple[Example, Example]:
        """Draws a scene and its minimal edit, whose ids are the name with `-a` and `-b`."""
        twins = self._scenes.twins(rng)
        waveforms = mix(twins.timelines)
        first, second = (
            Example(
                id=f"{name}-{'ab'[side]}",
                waveform=_gain(rng) * waveforms[side],
                kind=twins.kind,
                twin=f"{name}-{'ba'[side]}",
                events=timeline.events,
                **self._texts(timeline, twins.claims[side], twins.claims[1 - side], rng),
            )
            for side, timeline in enumerate(twins.timelines)
        )
        return first, second

    def texts(self, num_scenes: int) -> Iterator[str]:
        """Texts of so many scenes, the same at every call, in which all templates and labels are likely to occur."""
        rng = np.random.default_rng(0)
        for _ in range(num_scenes):
            claims: list[Claim] = [*self._scenes.claims(rng)]
            labels = sorted(claims[0].labels())
            claims += map(Has, labels)
            if self._kind.startswith("attribute") and len(labels) > 1:
                claims.append(Louder(*labels))
            yield from (render_caption(claim, rng) for claim in claims)

    def _texts(self, timeline: Timeline, claim: Claim, twin_claim: Claim, rng: np.random.Generator) -> dict[str, Any]:
        caption = render_caption(claim, rng)
        false_claims = [twin_claim] * self._counts.num_negatives
        false_claims += [self._replaced(timeline, twin_claim, rng) for _ in range(self._counts.num_replacements)]
        num_positives = self._counts.num_positives
        true_texts = positives(timeline, caption, num_positives, rng) if num_positives else ()
        return {
            "caption": caption,
            "claim": str(claim),
            "extras": (
                *(Text(positive.text, positive.claim, is_positive=True) for positive in true_texts),
                *(Text(render_caption(false_claim, rng), str(false_claim)) for false_claim in false_claims),
            ),
        }

    def _replaced(self, timeline: Timeline, twin_claim: Claim, rng: np.random.Generator) -> Claim:
        """The claim with one label replaced, or the twin's where no other label may be combined with the rest."""
        for _ in range(NUM_TRIES):
            plan = EDITS["replacement"](timeline.plan, self._scenes.label_pairs, rng)
            claim = claim_of(plan) if plan else None
            if claim and claim.judge(timeline.events) is Truth.FALSE:
                return claim
        return twin_claim


def _gain(rng: np.random.Generator) -> np.float32:
    return np.float32(10 ** (rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB) / 20))
