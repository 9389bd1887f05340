"""Confusable captions: hard negatives and positives of captions, by rules or a language model, checked."""
