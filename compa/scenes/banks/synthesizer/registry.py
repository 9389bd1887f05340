"""The list of synthetic sounds: a sound is a function from a take to its waveform, put down under a label."""

from __future__ import annotations

from collections.abc import Callable

from compa.scenes.banks.synthesizer.primitives import Take, Wave

Sound = Callable[[Take], Wave]

SOUNDS: dict[str, Sound] = {}
"""Every sound by its label."""


def sound(label: str) -> Callable[[Sound], Sound]:
    """Puts a function down in `SOUNDS`."""

    def put_down(function: Sound) -> Sound:
        assert label not in SOUNDS, label
        SOUNDS[label] = function
        return function

    return put_down
