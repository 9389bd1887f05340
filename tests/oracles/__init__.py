"""Slow and obvious versions of what the packages compute, written from the formulas, sharing no code with them."""
