"""Captions: claims of any depth put in words, such that two different claims never share a caption."""

from compa.scenes.captions.grammar import render_caption

__all__ = ["render_caption"]
