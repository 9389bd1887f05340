"""Words for claims of any depth: a grammar in which two different claims never share a text."""

from compa.scenes.captions.grammar import Grammar
from compa.scenes.captions.templates import MARKS, Phrasings, read_phrasings

__all__ = ["MARKS", "Grammar", "Phrasings", "read_phrasings"]
