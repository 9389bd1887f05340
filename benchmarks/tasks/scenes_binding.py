"""scenes-binding: which property belongs to which sound, or which voice to which words.

With speakers (a CSV with a column `speaker`), kinds:
    voices: "george says three, then jackson says seven" against "jackson says three, then george says seven".
    words: the same against "george says seven, then jackson says three".
Who hears only words fails the first kind, who hears only voices the second.

Held out: the recordings, and the pairs of what is said by whom, before and after the exchange: no training scene
combines these two. Every speaker, and every word of every speaker, is heard in training.

Without speakers, the kinds are scales: "loud a with quiet b" against "quiet a with loud b", and so on, both at once.
Tempo is none of them: steady sounds have none.

Held out: the recordings, and the pair (a, b), which no training scene combines.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmarks.tasks.composed import ComposedPairs, Question, Series, asked, find, planned, sound
from benchmarks.tasks.scenes import NEEDS, NUM_ITEMS, Pair
from compa.scenes.banks.bank import EventBank
from compa.scenes.claims import Then, While
from compa.scenes.claims.scale import SCALES
from compa.scenes.composition.plan import Group, Leaf, Plan, exchanged
from compa.scenes.composition.sampling import draw_amounts
from compa.scenes.holdout import held_out_pairs
from compa.scenes.speech import speaker_and_words, spoken_by
from compa.scenes.twins import SCENE_SECONDS

NAME = "scenes-binding"
VOICES, WORDS = "voices", "words"
TRAITS = ("loudness", "pitch", "duration", "distance")


def _series(bank: EventBank) -> Series:
    if not any(speaker_and_words(label) for label in bank.labels):
        return planned(NAME, TRAITS, _with_traits, _traits_exchanged)(bank)
    held_out = held_out_pairs(bank.labels)
    pairs = [pair for pair in held_out if (twin := _exchanged(pair)) and tuple(sorted(twin)) in held_out]
    if not pairs:
        raise ValueError(
            f"{NAME} has nothing to exchange in {bank.name}: it takes two speakers who both say the same two words, "
            f"and more speakers or words than {len(bank.labels)} labels, so that some pairs are held out both ways"
        )
    return Series((VOICES, WORDS), pairs, _ask_who)


def _exchanged(pair: Pair) -> Pair | None:
    """Each speaker with the other's words; None where that is nothing new."""
    speeches = [speech for label in pair if (speech := speaker_and_words(label))]
    if len(speeches) < 2 or speeches[0][0] == speeches[1][0] or speeches[0][1] == speeches[1][1]:
        return None
    (speaker, words), (other_speaker, other_words) = speeches
    return spoken_by(speaker, other_words), spoken_by(other_speaker, words)


def _ask_who(bank: EventBank, kind: str, pair: Pair, rng: np.random.Generator) -> Question | None:
    new = _exchanged(pair)
    assert new is not None
    first, second = new if kind == WORDS else new[::-1]
    plan = Plan(Group(Then, tuple(sound(label, rng) for label in pair), (), ()), {}, SCENE_SECONDS, float(rng.random()))

    def edit(plan: Plan) -> Plan:
        one, other = (find(plan, label) for label in pair)
        spoken = {id(one): _spoken(one, first, rng), id(other): _spoken(other, second, rng)}
        return replace(plan, root=exchanged(plan.root, spoken))

    return asked(bank, plan, edit, rng)


def _spoken(leaf: Leaf, label: str, rng: np.random.Generator) -> Leaf:
    return replace(leaf, take=sound(label, rng).take)


def _with_traits(name: str, pair: Pair, _: list[str], rng: np.random.Generator) -> Plan:
    words = (SCALES[name].low, SCALES[name].high)
    parts = tuple(
        replace(sound(label, rng), traits={name: word}, named=frozenset({name}))
        for label, word in zip(pair, words, strict=True)
    )
    root = Group(While, parts if rng.random() < 0.5 else parts[::-1], (), ())
    return Plan(root, draw_amounts((name,), rng), SCENE_SECONDS, float(rng.random()))


def _traits_exchanged(plan: Plan, _: str, pair: Pair, __: np.random.Generator) -> Plan:
    one, other = (find(plan, label) for label in pair)
    new = {id(one): replace(one, traits=other.traits), id(other): replace(other, traits=one.traits)}
    return replace(plan, root=exchanged(plan.root, new))


TASK = ComposedPairs(
    name=NAME,
    version=2,
    measures="Tells loud A with quiet B from quiet A with loud B, or who says what, in unseen combinations",
    needs=f"{NEEDS}; a CSV with a column speaker asks who says what",
    expected=NUM_ITEMS,
    series=_series,
)
