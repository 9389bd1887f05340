"""A bank with auxiliary sounds: labels of another bank, which a small bank's labels are combined with in training.

Few labels make few pairs, and a model memorizes each of them: what it learns about two labels together does not hold
for a pair that was held out. With auxiliary sounds every label occurs in many pairs, which can only be told apart by
what each sound is.
"""

from __future__ import annotations

from itertools import product

import numpy as np

from compa.scenes.banks.bank import EventBank, Snippet
from compa.scenes.banks.recordings import Split
from compa.scenes.banks.wrapped import WrappedBank
from compa.scenes.holdout import training_pairs


class AuxiliaryBank(WrappedBank):
    """A bank and those labels of another one that share no word with any of its labels.

    Args:
        bank: The bank; its name and fingerprint stand for both.
        others: Where the auxiliary sounds come from, with the same sample rate.
    """

    def __init__(self, bank: EventBank, others: EventBank) -> None:
        words = {word for label in bank.labels for word in label.split()}
        self.auxiliary_labels = tuple(label for label in others.labels if not words & set(label.split()))
        super().__init__(bank)
        self._others = others

    @property
    def labels(self) -> tuple[str, ...]:
        """The bank's labels and the auxiliary ones, sorted."""
        return tuple(sorted((*self._bank.labels, *self.auxiliary_labels)))

    @property
    def attributes(self) -> tuple[str, ...]:
        """Those that both banks render."""
        return tuple(name for name in self._bank.attributes if name in self._others.attributes)

    def split(self, name: Split) -> EventBank:
        """A split of both."""
        return AuxiliaryBank(self._bank.split(name), self._others.split(name))

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        return self._bank_of(label).recordings(label)

    def sample(
        self, label: str, rng: np.random.Generator, duration: float | None = None, **attributes: float | str
    ) -> Snippet:
        """A piece of a recording of the label; see `EventBank`."""
        return self._bank_of(label).sample(label, rng, duration=duration, **attributes)

    def pairs(self) -> list[tuple[str, str]]:
        """The bank's pairs that are not held out, and each of its labels with each auxiliary one.

        The former are repeated until they are about half of all.
        """
        own = training_pairs(self._bank.labels)
        mixed = [(min(pair), max(pair)) for pair in product(self._bank.labels, self.auxiliary_labels)]
        return own * max(1, round(len(mixed) / len(own))) + mixed

    def _bank_of(self, label: str) -> EventBank:
        return self._others if label in self.auxiliary_labels else self._bank
