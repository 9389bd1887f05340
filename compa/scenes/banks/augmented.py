"""A bank whose snippets are varied at random, so that few recordings sound like many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.bank import DEFAULT_SECONDS, EventBank, Snippet
from compa.scenes.banks.recordings import Split
from compa.scenes.banks.wrapped import WrappedBank
from compa.scenes.speech import speaker_and_words

MAX_SPEED = 1.6
"""Snippets are played up to so much faster or slower, which moves pitch and tempo together."""
MAX_VOICE_SPEED = 1.1
"""The same for a label that says who speaks: at another pitch, a voice is another speaker's."""
MAX_COLOUR = 0.6
"""Largest coefficient of the one-tap filters that brighten or dull a snippet."""
NUM_ECHOES = 3
MAX_ECHO = 0.35
ECHO_SECONDS = (0.001, 0.03)
"""Echoes of random sign that give a snippet another room."""


class VariedBank(WrappedBank):
    """Wraps a bank for training: every snippet is played at another speed and in another colour.

    Each snippet is varied before a scene sets its level, so levels stay exactly what the scene says; an equaliser over
    a finished scene would move the relative level of its events.

    Args:
        bank: Where the snippets come from.
    """

    def split(self, name: Split) -> EventBank:
        """A split of the wrapped bank, varied too."""
        return VariedBank(self._bank.split(name))

    def sample(self, label: str, rng: np.random.Generator, **attributes: float) -> Snippet:
        """A varied piece of a recording, `duration` seconds long where the recording has that much."""
        speed = (MAX_VOICE_SPEED if speaker_and_words(label) else MAX_SPEED) ** rng.uniform(-1, 1)
        duration = attributes.pop("duration", None) or rng.uniform(*DEFAULT_SECONDS)
        snippet = self._bank.sample(label, rng, duration=duration * speed, **attributes)
        waveform = _played(snippet.waveform, speed)
        waveform = _echoed(waveform, 1, rng.uniform(-MAX_COLOUR, MAX_COLOUR))
        for _ in range(NUM_ECHOES):
            delay = round(rng.uniform(*ECHO_SECONDS) * self.sample_rate)
            waveform = _echoed(waveform, delay, rng.uniform(-MAX_ECHO, MAX_ECHO))
        return replace(snippet, waveform=waveform[: round(duration * self.sample_rate)])


def _played(waveform: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """Plays a waveform `speed` times as fast, interpolating linearly (twice as fast as numpy.interp)."""
    places = np.arange(int((len(waveform) - 1) / speed) + 1) * speed
    before = np.minimum(places.astype(np.int64), len(waveform) - 2)
    share = (places - before).astype(np.float32)
    return np.asarray(waveform[before] + share * (waveform[before + 1] - waveform[before]), dtype=np.float32)


def _echoed(waveform: NDArray[np.float32], delay: int, gain: float) -> NDArray[np.float32]:
    """Adds an echo after `delay` samples; one sample later, above 0 it dulls and below it brightens."""
    echoed = waveform.copy()
    echoed[delay:] += np.float32(gain) * waveform[:-delay]
    return echoed
