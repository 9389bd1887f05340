"""A bank that augments its snippets at random, so that few recordings sound like many."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from compa.scenes.banks.bank import DEFAULT_SECONDS, EventBank, Snippet
from compa.scenes.banks.recordings import Split
from compa.scenes.banks.wrapped import WrappedBank
from compa.scenes.speech import speaker_and_words

MAX_SPEED = 1.6
"""Snippets are played up to this factor faster or slower, which moves pitch and tempo together."""
MAX_VOICE_SPEED = 1.1
"""The same for a label with a speaker: at another pitch, a voice is another speaker's."""
MAX_FILTER_TILT = 0.6
"""Largest coefficient of the one-tap filters that brighten or dull a snippet."""
NUM_ECHOES = 3
MAX_ECHO = 0.35
ECHO_SECONDS = (0.001, 0.03)
"""Delays of the echoes of random sign that change the room of a snippet."""


class AugmentedBank(WrappedBank):
    """Wraps a bank for training: every snippet is played at another speed, with another spectral tilt and other echoes.

    Each snippet is augmented before a scene sets its level, so levels stay exactly what the scene says; an equalizer
    over a finished scene would move the relative level of its events.

    Args:
        bank: Where the snippets come from.
    """

    def split(self, name: Split) -> EventBank:
        """A split of the wrapped bank, augmented too."""
        return AugmentedBank(self._bank.split(name))

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """An augmented piece of a recording, `duration` seconds long where the recording is long enough."""
        speed = (MAX_VOICE_SPEED if speaker_and_words(label) else MAX_SPEED) ** rng.uniform(-1, 1)
        seconds = rng.uniform(*DEFAULT_SECONDS) if duration is None else duration
        snippet = self._bank.sample(label, rng, duration=seconds * speed, **attributes)
        waveform = _played(snippet.waveform, speed)
        waveform = _echoed(waveform, 1, rng.uniform(-MAX_FILTER_TILT, MAX_FILTER_TILT))
        for _ in range(NUM_ECHOES):
            delay = round(rng.uniform(*ECHO_SECONDS) * self.sample_rate)
            waveform = _echoed(waveform, delay, rng.uniform(-MAX_ECHO, MAX_ECHO))
        return replace(snippet, waveform=waveform[: round(seconds * self.sample_rate)])


def _played(waveform: NDArray[np.float32], speed: float) -> NDArray[np.float32]:
    """Plays a waveform `speed` times as fast, interpolating linearly (twice as fast as numpy.interp)."""
    places = np.arange(int((len(waveform) - 1) / speed) + 1) * speed
    before = np.minimum(places.astype(np.int64), len(waveform) - 2)
    fraction = (places - before).astype(np.float32)
    return np.asarray(waveform[before] + fraction * (waveform[before + 1] - waveform[before]), dtype=np.float32)


def _echoed(waveform: NDArray[np.float32], delay: int, gain: float) -> NDArray[np.float32]:
    """Adds an echo after `delay` samples; after one sample, a gain above 0 dulls and one below 0 brightens."""
    echoed = waveform.copy()
    echoed[delay:] += np.float32(gain) * waveform[:-delay]
    return echoed
