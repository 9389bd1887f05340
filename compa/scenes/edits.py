"""Edits: a scene with one thing changed, made of the same snippets. The two are twins."""

from __future__ import annotations

from dataclasses import replace

from compa.scenes.scene import Scene


def swap_order(scene: Scene) -> Scene:
    """Plays the two events of a sequence the other way round; start, gap and end of the whole stay where they are.

    Args:
        scene: Two placements, the second starting after the first.

    Returns:
        The scene whose first event is the other's second.
    """
    first, second = sorted(scene.placements, key=lambda placement: placement.onset)
    gap = second.onset - (first.onset + first.seconds)
    now_first = replace(second, onset=first.onset)
    now_second = replace(first, onset=first.onset + second.seconds + gap)
    return replace(scene, placements=(now_first, now_second))


def swap_levels(scene: Scene) -> Scene:
    """Exchanges the levels of two events; nothing moves.

    Args:
        scene: Two placements.

    Returns:
        The scene in which the other event is the louder one.
    """
    one, other = scene.placements
    return replace(scene, placements=(replace(one, level_db=other.level_db), replace(other, level_db=one.level_db)))
