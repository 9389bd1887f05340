"""The base class of banks that wrap another bank and keep its name."""

from __future__ import annotations

from collections.abc import Mapping

from compa.scenes.banks.bank import EventBank


class WrappedBank:
    """Delegates to the bank inside; a subclass defines at least `split` and `sample`.

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
    def attributes(self) -> tuple[str, ...]:
        """Those of the bank inside."""
        return self._bank.attributes

    @property
    def skipped(self) -> Mapping[str, str]:
        """What the bank inside left out."""
        return self._bank.skipped

    def recordings(self, label: str) -> tuple[str, ...]:
        """Names of the recordings of a label."""
        return self._bank.recordings(label)
