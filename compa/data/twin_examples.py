"""Twins become examples: a clip each, its caption, its hard negatives, and what else is true of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from compa.data.batch import Example
from compa.scenes.banks.bank import EventBank
from compa.scenes.captions import Grammar
from compa.scenes.claims import Claim, Has, Relation, Truth
from compa.scenes.claims.scale import SCALES
from compa.scenes.composition.composer import Composer
from compa.scenes.composition.edits import EDITS
from compa.scenes.composition.plan import claim_of
from compa.scenes.composition.settings import Settings
from compa.scenes.composition.texts import positives
from compa.scenes.composition.timeline import Timeline, mix
from compa.scenes.old_captions import caption
from compa.scenes.twins import SCENE_SECONDS, TWINS, TwinScenes

MAX_GAIN_DB = 4.0
"""Each training clip is played up to so much louder or quieter than rendered."""
KINDS = ("order", "relation", "attribute-swap", "attribute-change", "replacement", "binding")
"""The kinds of twins that two sounds are enough for; `compa scenes render` has more."""
TRIES = 4


@dataclass(frozen=True)
class Further:
    """How many texts a clip has beside its caption.

    Attributes:
        num_negatives: Hard negatives that say its twin's claim.
        num_replacements: Hard negatives that name one label which is not heard. The twin only contrasts labels that
            are combined; these contrast every label with every other, without which labels of unseen pairs are taken
            for each other.
        num_positives: True texts: the caption's claim in other words, or a part of it.
    """

    num_negatives: int = 0
    num_replacements: int = 0
    num_positives: int = 0


class TwinExamples(Protocol):
    """Makes examples of twins."""

    def __call__(self, name: str, rng: np.random.Generator) -> tuple[Example, Example]:
        """Draws a scene and its minimal edit, whose ids are the name with `-a` and `-b`."""
        ...


class PairTwins:
    """Twins of two events, as the tasks `scenes-order` and `scenes-attribute` have them.

    Args:
        kind: What the edit changes: a name of `compa.scenes.twins.TWINS`.
        bank: Where the sounds come from.
        pairs: Label pairs that may be combined.
        further: How many texts a clip has beside its caption.
    """

    def __init__(self, kind: str, bank: EventBank, pairs: Sequence[tuple[str, str]], further: Further) -> None:
        self._make = TWINS[kind]
        self._bank = bank
        self._pairs = pairs
        self._further = further
        self._partners = {
            label: sorted({other for pair in pairs if label in pair for other in pair} - {label})
            for label in bank.labels
        }

    def __call__(self, name: str, rng: np.random.Generator) -> tuple[Example, Example]:
        """Draws twins; see `TwinExamples`."""
        labels = self._pairs[int(rng.integers(len(self._pairs)))]
        labels = labels if rng.random() < 0.5 else labels[::-1]
        twins = self._make(self._bank, labels, rng)
        return self._example(twins, 0, name, rng), self._example(twins, 1, name, rng)

    def _example(self, twins: TwinScenes, side: int, name: str, rng: np.random.Generator) -> Example:
        gain = _gain(rng)
        claim = twins.claims[side]
        text = caption(claim, rng)
        false_claims = [twins.claims[1 - side]] * self._further.num_negatives
        false_claims += [self._replaced(claim, rng) for _ in range(self._further.num_replacements)]
        negatives = tuple(caption(false_claim, rng) for false_claim in false_claims)
        true_claims = self._true_claims(claim, rng)
        return Example(
            id=f"{name}-{'ab'[side]}",
            waveform=gain * twins.waveforms[side],
            caption=text,
            claim=str(claim),
            negatives=negatives,
            negative_claims=tuple(map(str, false_claims)),
            positives=tuple(caption(true_claim, rng) for true_claim in true_claims),
            positive_claims=tuple(map(str, true_claims)),
            events=twins.scenes[side].events,
            kind=twins.kind,
            twin=f"{name}-{'ba'[side]}",
        )

    def _true_claims(self, claim: Relation, rng: np.random.Generator) -> list[Claim]:
        """The claim itself, one of its sounds, the other one, and so on."""
        if not self._further.num_positives:
            return []
        sounds = [Has(label) for label in rng.permutation([claim.first, claim.second]).tolist()]
        turn: tuple[Claim, ...] = (claim, *sounds)
        return [turn[number % len(turn)] for number in range(self._further.num_positives)]

    def _replaced(self, claim: Relation, rng: np.random.Generator) -> Relation:
        """The claim with one label replaced, such that training may combine the new one with the other."""
        kept_first = rng.random() < 0.5
        kept = claim.first if kept_first else claim.second
        others = [label for label in self._partners[kept] if label not in claim.labels()]
        if not others:
            return type(claim)(claim.second, claim.first)
        other = others[rng.integers(len(others))]
        return type(claim)(kept, other) if kept_first else type(claim)(other, kept)


class ComposedTwins:
    """Twins of any kind, composed as `compa scenes render` does, but as short and simple as their kind lets them be.

    Args:
        kind: What the edit changes: a name of `compa.scenes.composition.edits.EDITS`.
        bank: Where the sounds come from.
        pairs: Label pairs that may be combined.
        further: How many texts a clip has beside its caption.
    """

    def __init__(self, kind: str, bank: EventBank, pairs: Sequence[tuple[str, str]], further: Further) -> None:
        self._settings = Settings(
            seconds=SCENE_SECONDS,
            max_events=2,
            attributes=tuple(SCALES) if kind.startswith("attribute") else (),
            kinds=(kind,),
            positives=max(further.num_positives, 1),
        )
        self._composer = Composer(bank, self._settings, pairs=pairs)
        self._grammar = Grammar()
        self._further = further

    def __call__(self, name: str, rng: np.random.Generator) -> tuple[Example, Example]:
        """Draws twins; see `TwinExamples`."""
        twins = self._composer.twins(rng)
        waveforms = mix(twins.timelines)
        first, second = (
            Example(
                id=f"{name}-{'ab'[side]}",
                waveform=_gain(rng) * waveforms[side],
                kind=twins.kind,
                twin=f"{name}-{'ba'[side]}",
                events=timeline.events,
                **self._texts(timeline, claim_of(twins.timelines[1 - side].plan), rng),
            )
            for side, timeline in enumerate(twins.timelines)
        )
        return first, second

    def texts(self, num_scenes: int) -> Iterator[str]:
        """The texts of so many scenes."""
        rng = np.random.default_rng(0)
        for _ in range(num_scenes):
            timelines = self._composer.twins(rng).timelines
            texts = self._texts(timelines[0], claim_of(timelines[1].plan), rng)
            yield from (texts["caption"], *texts["negatives"], *texts["positives"])

    def _texts(self, timeline: Timeline, twin: Claim, rng: np.random.Generator) -> dict[str, Any]:
        claim = claim_of(timeline.plan)
        text = self._grammar.say(claim, rng)
        false_claims = [twin] * self._further.num_negatives
        false_claims += [self._replaced(timeline, twin, rng) for _ in range(self._further.num_replacements)]
        further = positives(timeline, text, self._settings, self._grammar, rng)[: self._further.num_positives]
        return {
            "caption": text,
            "claim": str(claim),
            "negatives": tuple(self._grammar.say(false_claim, rng) for false_claim in false_claims),
            "negative_claims": tuple(map(str, false_claims)),
            "positives": tuple(positive.text for positive in further),
            "positive_claims": tuple(positive.claim for positive in further),
        }

    def _replaced(self, timeline: Timeline, twin: Claim, rng: np.random.Generator) -> Claim:
        """The claim with one label replaced, or the twin's where no other label may stand beside the rest."""
        for _ in range(TRIES):
            plan = EDITS["replacement"](timeline.plan, self._composer.company, rng)
            if plan and claim_of(plan).judge(timeline.events) is Truth.FALSE:
                return claim_of(plan)
        return twin


def make_twins(kind: str, bank: EventBank, pairs: Sequence[tuple[str, str]], further: Further) -> TwinExamples:
    """What makes examples of twins of a kind.

    Raises:
        ValueError: If there is no such kind, or the bank cannot have it.
    """
    if kind not in KINDS:
        raise ValueError(f"kinds has {kind!r}, which is none: the kinds of twins are {', '.join(KINDS)}")
    return (PairTwins if kind in TWINS else ComposedTwins)(kind, bank, pairs, further)


def _gain(rng: np.random.Generator) -> np.float32:
    return np.float32(10 ** (rng.uniform(-MAX_GAIN_DB, MAX_GAIN_DB) / 20))
