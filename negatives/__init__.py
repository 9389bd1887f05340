"""Captions in, confusable captions out."""
