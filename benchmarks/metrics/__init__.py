"""Metrics as pure functions of score matrices, their chance values and intervals."""
