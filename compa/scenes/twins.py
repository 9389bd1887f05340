"""Twins: a scene of two events beside its minimal edit, rendered from the same snippets, with a caption each.

This is version 1 of the two basic kinds; both training and the tasks `scenes-order` and `scenes-attribute` use it, so
a change here is a new version of those tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.claims import Louder, Relation, Then, Truth
from compa.scenes.edits import swap_levels, swap_order
from compa.scenes.old_captions import in_words, num_ways
from compa.scenes.scene import Placement, Scene, render

SCENE_SECONDS = 4.0
SNIPPET_SECONDS = (1.5, 2.0)
MAX_GAP_SECONDS = 0.5
LEVEL_DIFFERENCE_DB = (6.0, 12.0)


@dataclass(frozen=True)
class TwinScenes:
    """A scene and its minimal edit.

    Attributes:
        kind: What the edit changed, as the kinds of negatives are named: `order` or `attribute-swap`.
        scenes: The scene and its twin.
        waveforms: Both rendered, float32 of shape (2, samples).
        claims: Claim i is true of scene i and false of the other.
        captions: The claims in words; both said the same way, so only the places of the labels differ.
    """

    kind: str
    scenes: tuple[Scene, Scene]
    waveforms: NDArray[np.float32]
    claims: tuple[Relation, Relation]
    captions: tuple[str, str]


def order_twins(bank: EventBank, labels: tuple[str, str], rng: np.random.Generator) -> TwinScenes:
    """Two events one after the other, and the other way round.

    Args:
        bank: Where the sounds come from.
        labels: The first and the second label of scene 0.
        rng: Draws the snippets, their places and the wording.
    """
    snippets, seconds = _sample(bank, labels, rng)
    gap = rng.uniform(0.0, min(MAX_GAP_SECONDS, SCENE_SECONDS - sum(seconds)))
    start = rng.uniform(0.0, SCENE_SECONDS - sum(seconds) - gap)
    scene = _scene(bank, labels, snippets, onsets=(start, start + seconds[0] + gap), levels_db=(0.0, 0.0))
    return _twins("order", Then, labels, (scene, swap_order(scene)), bank, rng)


def attribute_twins(bank: EventBank, labels: tuple[str, str], rng: np.random.Generator) -> TwinScenes:
    """Two events at once, one of them louder, and the other one louder.

    Args:
        bank: Where the sounds come from.
        labels: The louder and the quieter label of scene 0.
        rng: Draws the snippets, their places, the level difference and the wording.
    """
    snippets, seconds = _sample(bank, labels, rng)
    half = min(seconds) / 2  # of the shorter: at least so much is overlapped
    delay = rng.uniform(half - seconds[1], seconds[0] - half)  # of the second event against the first
    first, second = max(0.0, -delay), max(0.0, delay)
    start = rng.uniform(0.0, SCENE_SECONDS - max(first + seconds[0], second + seconds[1]))
    difference = rng.uniform(*LEVEL_DIFFERENCE_DB)
    scene = _scene(
        bank,
        labels,
        snippets,
        onsets=(start + first, start + second),
        levels_db=(difference / 2, -difference / 2),
    )
    return _twins("attribute-swap", Louder, labels, (scene, swap_levels(scene)), bank, rng)


TWINS: dict[str, Callable[[EventBank, tuple[str, str], np.random.Generator], TwinScenes]] = {
    "order": order_twins,
    "attribute-swap": attribute_twins,
}
"""The kinds of twins, by what the edit changes."""


def _sample(
    bank: EventBank, labels: tuple[str, str], rng: np.random.Generator
) -> tuple[tuple[Snippet, Snippet], tuple[float, float]]:
    first, second = (bank.sample(label, rng, duration=rng.uniform(*SNIPPET_SECONDS)) for label in labels)
    return (first, second), (len(first.waveform) / bank.sample_rate, len(second.waveform) / bank.sample_rate)


def _scene(
    bank: EventBank,
    labels: tuple[str, str],
    snippets: tuple[Snippet, Snippet],
    onsets: tuple[float, float],
    levels_db: tuple[float, float],
) -> Scene:
    placements = tuple(
        Placement(label, snippet, round(onset * bank.sample_rate) / bank.sample_rate, round(level_db, 6))
        for label, snippet, onset, level_db in zip(labels, snippets, onsets, levels_db, strict=True)
    )
    return Scene(placements, SCENE_SECONDS)


def _twins(
    kind: str,
    relation: Callable[[str, str], Relation],
    labels: tuple[str, str],
    scenes: tuple[Scene, Scene],
    bank: EventBank,
    rng: np.random.Generator,
) -> TwinScenes:
    claims = (relation(*labels), relation(*labels[::-1]))
    for (i, claim), (j, scene) in product(enumerate(claims), enumerate(scenes)):
        truth = claim.judge(scene.events)
        assert truth is (Truth.TRUE if i == j else Truth.FALSE), f"{claim} is {truth} of {scene.events}"
    way = int(rng.integers(num_ways(claims[0])))
    captions = (in_words(claims[0], way), in_words(claims[1], way))
    return TwinScenes(kind, scenes, render(scenes, bank.sample_rate), claims, captions)
