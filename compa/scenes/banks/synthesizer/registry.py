"""The registry of synthetic sounds: functions from a context to a waveform, by label."""

from __future__ import annotations

from collections.abc import Callable

from compa.scenes.banks.synthesizer.primitives import SynthContext, Wave

Sound = Callable[[SynthContext], Wave]

SOUNDS: dict[str, Sound] = {}
"""Every sound by its label."""


def sound(label: str) -> Callable[[Sound], Sound]:
    """Registers a function in `SOUNDS`."""

    def register(function: Sound) -> Sound:
        assert label not in SOUNDS, label
        SOUNDS[label] = function
        return function

    return register
