"""A scene and its twin, proven: each claim is true of its own scene and false of the other.

A twin is the minimal edit of a scene: the same events with one thing changed, made of the same snippets. Training data,
`compa scenes render` and the benchmark tasks all make their twins here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from compa.scenes.claims import Claim, Truth
from compa.scenes.composition.plan import Plan, claim_of
from compa.scenes.composition.preparation import SnippetPreparer
from compa.scenes.composition.timeline import Timeline, lay_out


@dataclass(frozen=True)
class TwinScenes:
    """A scene and its minimal edit.

    Attributes:
        kind: What the edit changed.
        timelines: Both, in random order.
        claims: Those of their plans: claim i is true of scene i and false of the other.
        edited: The index of the edit.
    """

    kind: str
    timelines: tuple[Timeline, Timeline]
    claims: tuple[Claim, Claim]
    edited: int


def make_twins(
    kind: str,
    scene: Timeline,
    edit: Callable[[Plan], Plan | None],
    preparer: SnippetPreparer,
    rng: np.random.Generator,
) -> TwinScenes | None:
    """Edits a scene.

    Args:
        kind: The kind of the edit.
        scene: A timeline that the claim of its plan is true of.
        edit: Changes one thing of the plan; None where it cannot.
        preparer: The one that prepared the scene's sounds.
        rng: Draws the order of the two.

    Returns:
        None where the plan cannot be edited or laid out, or where the claims do not tell the scenes apart.
    """
    plan = edit(scene.plan)
    twin = lay_out(plan, preparer) if plan else None
    if twin is None:
        return None
    claim, twin_claim = claim_of(scene.plan), claim_of(twin.plan)
    is_proven = (
        twin_claim.judge(twin.events) is Truth.TRUE
        and claim.judge(twin.events) is Truth.FALSE
        and twin_claim.judge(scene.events) is Truth.FALSE
    )
    if not is_proven:
        return None
    if rng.random() < 0.5:  # so that the order does not say which of the two is the edit
        return TwinScenes(kind, (scene, twin), (claim, twin_claim), 1)
    return TwinScenes(kind, (twin, scene), (twin_claim, claim), 0)
