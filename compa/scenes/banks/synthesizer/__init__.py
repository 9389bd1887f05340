"""The built-in event bank: sounds that are computed, so it is always there and needs no files."""

from compa.scenes.banks.synthesizer.bank import Synthesizer, record
from compa.scenes.banks.synthesizer.registry import SOUNDS

__all__ = ["SOUNDS", "Synthesizer", "record"]
