"""What banks that are made of another bank have in common: they answer to its name."""

from __future__ import annotations

from collections.abc import Mapping

from compa.scenes.banks.bank import EventBank


class WrappedBank:
    """Answers for the bank inside, but for what a subclass changes: `split` and `sample` at least.

    Args:
        bank: Where the snippets come from.
    """

    def __init__(self, bank: EventBank) -> None:
        self._bank = bank

    @property
    def name(self) -> str:
        """That of the bank inside."""
        return self._bank.name

    @property
    def labels(self) -> tuple[str, ...]:
        """Those of the bank inside."""
        return self._bank.labels

    @property
    def sample_rate(self) -> int:
        """That of the bank inside, in Hz."""
        return self._bank.sample_rate

    @property
    def fingerprint(self) -> str:
        """That of the bank inside."""
        return self._bank.fingerprint

    @property
    def skipped(self) -> Mapping[str, str]:
        """What the bank inside left out."""
        return self._bank.skipped

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        return self._bank.recordings(label)
