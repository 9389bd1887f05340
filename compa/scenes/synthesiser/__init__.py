"""The built-in event bank: sounds that are computed, not recorded, so that it is always there and needs no files."""

from compa.scenes.synthesiser.bank import SOUNDS, Synthesiser, record

__all__ = ["SOUNDS", "Synthesiser", "record"]
