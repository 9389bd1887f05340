"""A bank with guests: the sounds of another bank keep those of a small one company in training.

Few labels make few pairs, and a model learns each of them by heart: what it knows of two labels together, it does not
know of a pair that was held out. With guests every label is heard in many pairs, which can only be told apart by what
each sound is.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.banks.recordings import Split
from compa.scenes.banks.wrapped import WrappedBank
from compa.scenes.holdout import training_pairs


class GuestBank(WrappedBank):
    """A bank and those labels of another one that no label of it shares a word with.

    Args:
        bank: The bank; its name and fingerprint stand for both.
        others: Where the guests come from, with the same sample rate.
    """

    def __init__(self, bank: EventBank, others: EventBank) -> None:
        words = {word for label in bank.labels for word in label.split()}
        self.guests = tuple(label for label in others.labels if not words & set(label.split()))
        super().__init__(bank)
        self._others = others

    @property
    def labels(self) -> tuple[str, ...]:
        """The bank's labels and the guests, sorted."""
        return tuple(sorted((*self._bank.labels, *self.guests)))

    def split(self, name: Split) -> EventBank:
        """A split of both."""
        return GuestBank(self._bank.split(name), self._others.split(name))

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        return self._home(label).recordings(label)

    def sample(self, label: str, rng: np.random.Generator, **attributes: float) -> Snippet:
        """A piece of a recording of the label; see `EventBank`."""
        return self._home(label).sample(label, rng, **attributes)

    def pairs(self) -> list[tuple[str, str]]:
        """The bank's pairs that are not held out, and each of its labels with each guest.

        The former come so often that they are about half of all.
        """
        own = training_pairs(self._bank.labels)
        mixed = [(min(pair), max(pair)) for pair in product(self._bank.labels, self.guests)]
        return own * max(1, round(len(mixed) / len(own))) + mixed

    def _home(self, label: str) -> EventBank:
        return self._others if label in self.guests else self._bank
