"""Checks of negatives: consistency with their captions, text leak, balance, similarity by a trained model."""
